/* caller WAY ADDRESS PORT: talks to somebody in one of many ways, and prints what came of it.
   Code 77: this build does not know that way. */
#include "victim.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

enum { UNKNOWN_WAY = 77, MANY = 3 };

static struct sockaddr_storage address, ourselves;
static socklen_t length;

static int make(int type)
{
    int fd = socket(address.ss_family, type, 0);
    if (fd < 0)
        broken("socket");
    return fd;
}

static void set_address(struct sockaddr_storage *to, const char *text, int port)
{
    struct sockaddr_in *four = (void *)to;
    struct sockaddr_in6 *six = (void *)to;
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        length = sizeof *four;
    } else if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        length = sizeof *six;
    } else {
        broken(text);
    }
}

static void say(long result)
{
    printf("%s\n", result < 0 ? strerror(errno) : "done");
}

static void by_connect(void)
{
    say(connect(make(SOCK_STREAM), (void *)&address, length));
}

static void by_waiting(void)
{
    int fd = make(SOCK_STREAM | SOCK_NONBLOCK), error;
    socklen_t size = sizeof error;
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    int result = connect(fd, (void *)&address, length);
    if (result < 0 && errno == EINPROGRESS) {
        if (poll(&ready, 1, -1) != 1 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size))
            broken("poll");
        errno = error;
        result = error ? -1 : 0;
    }
    say(result);
}

static void by_sendto(void)
{
    say(sendto(make(SOCK_DGRAM), "hello", 5, 0, (void *)&address, length));
}

/* A datagram that is sent to no family goes where IPv4 would send it (udp_sendmsg of the kernel). */
static void by_sendto_unspecified(void)
{
    int fd = make(SOCK_DGRAM);
    address.ss_family = AF_UNSPEC;
    say(sendto(fd, "hello", 5, 0, (void *)&address, length));
}

/* To an address that the kernel takes from IPv4 although the socket is IPv6. */
static void by_sendto_four_on_six(void)
{
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    say(sendto(fd, "hello", 5, 0, (void *)&address, length));
}

static void by_fast_open(void)
{
    say(sendto(make(SOCK_STREAM), "hello", 5, MSG_FASTOPEN, (void *)&address, length));
}

static struct iovec hello = {"hello", 5};

static void by_sendmsg(void)
{
    struct msghdr message = {.msg_name = &address, .msg_namelen = length, .msg_iov = &hello, .msg_iovlen = 1};
    say(sendmsg(make(SOCK_DGRAM), &message, 0));
}

/* All to ourselves but the last. */
static void send_many(unsigned count)
{
    struct mmsghdr *messages = calloc(count, sizeof *messages);
    for (unsigned i = 0; i < count; i++)
        messages[i].msg_hdr = (struct msghdr){.msg_name = i + 1 < count ? &ourselves : &address,
                                              .msg_namelen = length,
                                              .msg_iov = &hello,
                                              .msg_iovlen = 1};
    int sent = sendmmsg(make(SOCK_DGRAM), messages, count, 0);
    if (sent < 0)
        say(sent);
    else
        printf("%d of %u\n", sent, count);
}

static void by_sendmmsg(void)
{
    send_many(MANY);
}

static void by_sendmmsg_of_many(void)
{
    send_many(1000);
}

static void by_connected_datagram(void)
{
    int fd = make(SOCK_DGRAM);
    int result = connect(fd, (void *)&address, length);
    say(result < 0 ? result : send(fd, "hello", 5, 0));
}

/* As getaddrinfo does it, to find out which of its own addresses would be used; and then forgets the other side. */
static void by_disconnect(void)
{
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    int fd = make(SOCK_DGRAM);
    if (connect(fd, (void *)&ourselves, length))
        broken("connect to ourselves");
    say(connect(fd, &nobody, sizeof nobody));
}

#ifdef __i386__
enum { CONNECT = 3, SENDTO = 11, SENDMSG = 16, SENDMMSG = 20 }; /* linux/net.h */

static void by_socketcall_connect(void)
{
    unsigned long arguments[] = {(unsigned)make(SOCK_STREAM), (unsigned long)&address, length};
    say(syscall(SYS_socketcall, CONNECT, arguments));
}

static void by_socketcall_sendto(void)
{
    unsigned long arguments[] = {(unsigned)make(SOCK_DGRAM), (unsigned long)"hello", 5, 0, (unsigned long)&address, length};
    say(syscall(SYS_socketcall, SENDTO, arguments));
}

static void by_socketcall_sendmsg(void)
{
    struct msghdr message = {.msg_name = &address, .msg_namelen = length, .msg_iov = &hello, .msg_iovlen = 1};
    unsigned long arguments[] = {(unsigned)make(SOCK_DGRAM), (unsigned long)&message, 0};
    say(syscall(SYS_socketcall, SENDMSG, arguments));
}

static void by_socketcall_sendmmsg(void)
{
    struct mmsghdr message = {
        .msg_hdr = {.msg_name = &address, .msg_namelen = length, .msg_iov = &hello, .msg_iovlen = 1}};
    unsigned long arguments[] = {(unsigned)make(SOCK_DGRAM), (unsigned long)&message, 1, 0};
    long sent = syscall(SYS_socketcall, SENDMMSG, arguments);
    say(sent < 0 ? sent : 0);
}
#else
static void unknown(void)
{
    exit(UNKNOWN_WAY);
}
#define by_socketcall_connect unknown
#define by_socketcall_sendto unknown
#define by_socketcall_sendmsg unknown
#define by_socketcall_sendmmsg unknown
#endif

static const struct {
    const char *name;
    void (*act)(void);
} WAYS[] = {
    {"connect", by_connect},
    {"waiting", by_waiting},
    {"sendto", by_sendto},
    {"sendto-unspecified", by_sendto_unspecified},
    {"sendto-four-on-six", by_sendto_four_on_six},
    {"fast-open", by_fast_open},
    {"sendmsg", by_sendmsg},
    {"sendmmsg", by_sendmmsg},
    {"sendmmsg-of-many", by_sendmmsg_of_many},
    {"connected-datagram", by_connected_datagram},
    {"disconnect", by_disconnect},
    {"socketcall-connect", by_socketcall_connect},
    {"socketcall-sendto", by_socketcall_sendto},
    {"socketcall-sendmsg", by_socketcall_sendmsg},
    {"socketcall-sendmmsg", by_socketcall_sendmmsg},
};

int main(int argc, char **argv)
{
    if (argc != 4)
        broken("usage: caller WAY ADDRESS PORT");
    set_address(&address, argv[2], atoi(argv[3]));
    set_address(&ourselves, address.ss_family == AF_INET ? "127.0.0.1" : "::1", 9);
    for (size_t i = 0; i < sizeof WAYS / sizeof *WAYS; i++) {
        if (strcmp(WAYS[i].name, argv[1]))
            continue;
        WAYS[i].act();
        return 0;
    }
    errno = EINVAL;
    broken(argv[1]);
}
