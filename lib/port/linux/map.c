#include "port/map.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port/err.h"
#include "port/fd.h"
#include "port/limit.h"

/* Linux 6.13 and 5.14; the C library's headers may be older. */
enum { GUARD_INSTALL = 102, POPULATE_READ = 22 };

size_t weft__page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

weft_err weft__stacks_map(size_t size, void **at)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (p == MAP_FAILED)
        return weft__fail(WEFT_NOMEM,
                          "stacks: %zu bytes of address space: %s; raise ulimit -v, or "
                          "vm.max_map_count=%llu",
                          size, strerror(errno), (unsigned long long)weft__limit_mappings());
    /* A huge page would commit the memory of many stacks at once. An old kernel does not know it. */
    (void)madvise(p, size, MADV_NOHUGEPAGE);
    *at = p;
    return WEFT_OK;
}

void weft__stacks_unmap(void *at, size_t size)
{
    munmap(at, size);
}

weft_err weft__stacks_guard(void *page, bool light)
{
    size_t size = weft__page_size();
    if (light ? madvise(page, size, GUARD_INSTALL) == 0 : mprotect(page, size, PROT_NONE) == 0)
        return WEFT_OK;
    if (light || errno != ENOMEM)
        return weft__sys_error(errno, "stacks", "guard page");
    return weft__fail(WEFT_NOMEM,
                      "stacks: this process has no mapping left for a guard page; raise "
                      "vm.max_map_count=%llu, or start with weft_opts.unguarded",
                      (unsigned long long)weft__limit_mappings());
}

/* An emulator may take an advice that it does not know for done, so the guard is tried: populating a
 * guarded page fails. */
bool weft__stacks_guard_light(void)
{
    size_t size = weft__page_size();
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return false;
    bool there = madvise(page, size, GUARD_INSTALL) == 0 &&
                 madvise(page, size, POPULATE_READ) != 0 && errno == EFAULT;
    munmap(page, size);
    return there;
}

void weft__stacks_forget(void *low, size_t size)
{
    (void)madvise(low, size, MADV_DONTNEED); /* if it fails the memory stays */
}

weft_err weft__shmem_create(const char *label, size_t size, int *fd)
{
    int f = memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (f < 0)
        return weft__sys_error(errno, "shared memory", label);
    if (ftruncate(f, (off_t)size) != 0 ||
        fcntl(f, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        weft_err e = weft__sys_error(errno, "shared memory", label);
        close(f);
        return e;
    }
    *fd = f;
    return WEFT_OK;
}

weft_err weft__shmem_commit(int fd, size_t offset, size_t size)
{
    int r;
    do {
        r = fallocate(fd, 0, (off_t)offset, (off_t)size);
    } while (r != 0 && errno == EINTR);
    if (r == 0)
        return WEFT_OK;
    if (errno == ENOSPC || errno == ENOMEM)
        return weft__fail(WEFT_NOMEM, "shared memory: no room for %zu bytes more", size);
    return weft__sys_error(errno, "shared memory", "fallocate");
}

weft_err weft__shmem_map(int fd, void **at, size_t *size)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    if (fstat(fd, &st) != 0 || seals < 0 || !(seals & F_SEAL_SHRINK) || st.st_size <= 0)
        return weft__fail(WEFT_INVALID, "shared memory: descriptor %d is no sealed segment", fd);
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return weft__fail(WEFT_NOMEM, "shared memory: %lld bytes cannot be mapped",
                          (long long)st.st_size);
    *at = p;
    *size = (size_t)st.st_size;
    return WEFT_OK;
}

void weft__shmem_unmap(void *at, size_t size)
{
    munmap(at, size);
}
