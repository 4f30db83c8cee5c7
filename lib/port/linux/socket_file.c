#include "port/socket_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "port/address.h"
#include "port/fd.h"

uint64_t weft__socket_file_node(const weft_address *at)
{
    struct stat s;
    const char *path = weft__address_file(at);
    return path && lstat(path, &s) == 0 && S_ISSOCK(s.st_mode) ? (uint64_t)s.st_ino : 0;
}

void weft__socket_file_remove(const weft_address *at, uint64_t node)
{
    if (node != 0 && weft__socket_file_node(at) == node)
        (void)unlink(weft__address_file(at));
}

/* Whether the file is a unix socket's that nobody has any more. The one that asks is for datagrams: the system
 * refuses it where there is no socket, and says that a socket for streams is of another type, listening or not,
 * which hears nothing of it. */
static bool left_behind(const weft_address *at)
{
    uint32_t len;
    const struct sockaddr *to = weft__address_system(at, &len);
    if (weft__socket_file_node(at) == 0)
        return false;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool refused = fd >= 0 && connect(fd, to, len) != 0 && errno == ECONNREFUSED;
    if (fd >= 0)
        weft__fd_close(fd);
    return refused;
}

void weft__socket_file_folder(const weft_address *at, char folder[WEFT__ADDRESS_UNIX_MOST + 1])
{
    const char *file = weft__address_file(at), *end = strrchr(file, '/');
    size_t len = end ? (size_t)(end - file) + 1 : 0; /* with the slash: "/" too */
    memcpy(folder, file, len);
    strcpy(folder + len, end ? "" : ".");
}

/* Alone among those that replace a file there. It takes each of them some microseconds; who locks a folder for longer
 * is a stranger, and who comes waits 10 ms for that one at most. False: so it is. */
static bool lock_folder(int folder)
{
    const struct timespec moment = {.tv_nsec = 200000};
    for (int tries = 0; flock(folder, LOCK_EX | LOCK_NB) != 0; tries++) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return true; /* a file system without locks */
        if (tries == 40)
            return false;
        (void)nanosleep(&moment, NULL);
    }
    return true;
}

/* 0, or the system's error number. */
static int bind_to(int fd, const weft_address *at)
{
    uint32_t len;
    const struct sockaddr *to = weft__address_system(at, &len);
    return bind(fd, to, len) == 0 ? 0 : errno;
}

/* The same in the place of the file of a socket that is no more. */
static int replace_file(int fd, const weft_address *at)
{
    if (!left_behind(at) || unlink(weft__address_file(at)) != 0)
        return EADDRINUSE;
    return bind_to(fd, at);
}

int weft__socket_file_bind(int fd, const weft_address *at)
{
    char path[WEFT__ADDRESS_UNIX_MOST + 1];
    int number = bind_to(fd, at);
    if (number != EADDRINUSE || weft__socket_file_node(at) == 0) /* no file, or no socket's */
        return number;
    /* Of two that find the same one left behind, the second would take away what the first has put there. A
     * folder that may be written to, but not read, cannot be locked: there it is left to chance. */
    weft__socket_file_folder(at, path);
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    number = folder >= 0 && !lock_folder(folder) ? EWOULDBLOCK : replace_file(fd, at);
    if (folder >= 0)
        weft__fd_close(folder);
    return number;
}
