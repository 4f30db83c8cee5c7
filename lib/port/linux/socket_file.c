#include "port/socket_file.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

int weft__socket_file_bind(int fd, const weft_address *at)
{
    uint32_t len;
    const struct sockaddr *to = weft__address_system(at, &len);
    if (bind(fd, to, len) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return errno;
    if (!left_behind(at) || unlink(weft__address_file(at)) != 0)
        return EADDRINUSE;
    return bind(fd, to, len) == 0 ? 0 : errno;
}
