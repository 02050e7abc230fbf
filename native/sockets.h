/* A socket of another process, taken for a moment to be asked about itself. As long as we hold it the process's own
 * close(2) does not end the connection. */
#ifndef VESTIGE_SOCKETS_H
#define VESTIGE_SOCKETS_H

#include "address.h"

#include <sys/types.h>

/* A descriptor of ours, -1: it can't be had. */
int socket_take(pid_t pid, int fd);
/* An option of SOL_SOCKET, -1: not known. */
int socket_option(int socket, int name);
/* Its inode: the same number in the process may be another socket by now. */
ino_t socket_identity(int socket);
bool socket_has_peer(int socket);
/* SOCK_*, or -1. */
int socket_type(pid_t pid, int fd);
struct address socket_own_address(pid_t pid, int fd);

#endif
