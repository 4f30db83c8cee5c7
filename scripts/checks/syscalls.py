"""Nothing outside lib/port calls the operating system; examples and tests are free."""

import re

from tree import bare, line_of

HEADERS = re.compile(
    r"^[ \t]*#[ \t]*include[ \t]*<((?:sys|linux|asm|arpa|net|netinet)/[^>]*|(?:aio|dirent|dlfcn|"
    r"execinfo|fcntl|glob|ifaddrs|mqueue|netdb|poll|pthread|pty|pwd|grp|sched|semaphore|signal|"
    r"spawn|syscall|syslog|termios|threads|ucontext|unistd|wait)\.h)>", re.M)

CALLS = """
syscall open openat creat close read write pread pwrite readv writev lseek dup dup2 dup3 fcntl ioctl
fsync fdatasync ftruncate truncate fallocate posix_fallocate posix_fadvise copy_file_range sendfile
splice stat fstat lstat fstatat statx access faccessat readlink readlinkat realpath link linkat
unlink unlinkat symlink rename renameat mkdir mkdirat rmdir chdir fchdir getcwd chmod fchmod chown
umask mkstemp mkostemp mkdtemp tmpfile tmpnam flock lockf opendir fdopendir readdir closedir
rewinddir scandir nftw ftw glob mount umount
pipe pipe2 socket socketpair bind listen accept accept4 connect shutdown send sendto sendmsg recv
recvfrom recvmsg getsockopt setsockopt getsockname getpeername getaddrinfo gethostbyname gethostname
poll ppoll select pselect epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait eventfd
timerfd_create timerfd_settime signalfd inotify_init inotify_init1 memfd_create shm_open shm_unlink
shmget shmat semget msgget mq_open sem_open sem_init sem_wait sem_post
mmap mremap munmap mprotect madvise mlock munlock msync brk sbrk
fork vfork clone execv execve execvp execvpe execl execle execlp fexecve posix_spawn posix_spawnp
system popen pclose wait waitpid waitid wait3 wait4 kill killpg tgkill raise signal sigaction
sigprocmask sigaltstack sigsuspend sigwait sigwaitinfo sigtimedwait pidfd_open prctl ptrace setsid
setpgid getpid getppid gettid getpgid getuid geteuid getgid getegid setuid setgid getrlimit
setrlimit prlimit getrusage times alarm setitimer pause sleep usleep nanosleep clock_nanosleep
clock_gettime clock_getres clock time gettimeofday getrandom getentropy arc4random rand srand random
srandom drand48 uname sysconf getpagesize getauxval sysinfo isatty tcgetattr tcsetattr ttyname
getenv secure_getenv setenv unsetenv putenv clearenv
sched_yield sched_getaffinity sched_setaffinity sched_getcpu getcpu
thrd_create thrd_join thrd_yield thrd_sleep mtx_lock cnd_wait
dlopen dlmopen dlsym dlclose dladdr dl_iterate_phdr
fopen freopen fdopen fclose fread fgets fgetc getc getchar getline getdelim scanf fscanf printf puts
putchar vprintf perror remove exit _exit _Exit quick_exit atexit getcontext makecontext swapcontext
backtrace backtrace_symbols setvbuf setbuf
""".split()

_CALL = re.compile(r"(?<![\w.>])(?:(?:%s)|pthread_\w+)(?=\s*\()" % "|".join(CALLS))
_STATIC = re.compile(r"^static\b[^;{=(]*?\b(\w+)\s*\(", re.M)
_INSTRUCTION = re.compile(r"^\s*(syscall|sysenter|svc)\b", re.M)


def uses(path, text):
    """(offset, name) of each header of the system and each call that goes there."""
    code = bare(text)
    for match in HEADERS.finditer(code):
        yield match.start(), f"<{match.group(1)}>"
    if path.suffix == ".S":
        for match in _INSTRUCTION.finditer(code):
            yield match.start(1), match.group(1)
        return
    own = set(_STATIC.findall(code))
    for match in _CALL.finditer(code):
        if match.group() not in own:
            yield match.start(), match.group()


def check(tree):
    for path in tree.files(".c", ".h", ".S", under=("include", "lib", "runner")):
        if path.is_relative_to(tree.root / "lib/port"):
            continue
        text = path.read_text(errors="replace")
        for offset, name in uses(path, text):
            if not tree.allowed("syscalls", path, name):
                tree.fault(path, line_of(text, offset),
                           f"{name} outside lib/port: go through lib/port, or say why in "
                           "scripts/check.allow")
