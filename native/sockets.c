#define _GNU_SOURCE
#include "sockets.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int socket_take(pid_t pid, int fd)
{
    int process = (int)syscall(SYS_pidfd_open, pid, 0);
    int socket = -1;

    if (process < 0)
        return -1;
#ifdef SYS_pidfd_getfd /* 5.6 */
    socket = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
#endif
    close(process);
    return socket;
}

int socket_option(int socket, int name)
{
    int value = -1;
    socklen_t length = sizeof value;

    return getsockopt(socket, SOL_SOCKET, name, &value, &length) == 0 ? value : -1;
}

ino_t socket_identity(int socket)
{
    struct stat status;

    return fstat(socket, &status) == 0 ? status.st_ino : 0;
}

bool socket_has_peer(int socket)
{
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;

    return getpeername(socket, (struct sockaddr *)&storage, &length) == 0;
}

int socket_type(pid_t pid, int fd)
{
    int socket = socket_take(pid, fd);
    int type;

    if (socket < 0)
        return -1;
    type = socket_option(socket, SO_TYPE);
    close(socket);
    return type;
}

struct address socket_own_address(pid_t pid, int fd)
{
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;
    struct address address = {.family = -1};
    int socket = socket_take(pid, fd);

    if (socket < 0)
        return address;
    if (getsockname(socket, (struct sockaddr *)&storage, &length) == 0)
        address = address_parse(&storage, length);
    close(socket);
    return address;
}
