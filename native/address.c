#define _GNU_SOURCE
#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static void take_inet(struct address *address, const void *bytes, size_t size)
{
    struct sockaddr_in inet;

    if (size < sizeof inet)
        return;
    memcpy(&inet, bytes, sizeof inet);
    inet_ntop(AF_INET, &inet.sin_addr, address->text, sizeof address->text);
    address->length = strlen(address->text);
    address->has_port = true;
    address->port = ntohs(inet.sin_port);
    /* connecting to 0.0.0.0 reaches this machine (ip(7), INADDR_ANY) */
    address->loopback = ntohl(inet.sin_addr.s_addr) >> 24 == 127 || inet.sin_addr.s_addr == 0;
}

static void take_inet6(struct address *address, const void *bytes, size_t size)
{
    enum { SHORTEST = 24 }; /* without the scope (SIN6_LEN_RFC2133 of the kernel) */
    struct sockaddr_in6 inet = {0};

    if (size < SHORTEST)
        return;
    memcpy(&inet, bytes, size < sizeof inet ? size : sizeof inet);
    inet_ntop(AF_INET6, &inet.sin6_addr, address->text, sizeof address->text);
    address->length = strlen(address->text);
    address->has_port = true;
    address->port = ntohs(inet.sin6_port);
    address->loopback = IN6_IS_ADDR_LOOPBACK(&inet.sin6_addr) || IN6_IS_ADDR_UNSPECIFIED(&inet.sin6_addr) ||
                        (IN6_IS_ADDR_V4MAPPED(&inet.sin6_addr) && inet.sin6_addr.s6_addr[12] == 127);
}

static void take_unix(struct address *address, const char *bytes, size_t size)
{
    const size_t begin = offsetof(struct sockaddr_un, sun_path);
    const char *path = bytes + begin;
    size_t length;

    address->loopback = true;
    if (size <= begin)
        return; /* unnamed */
    length = size - begin;
    if (length > sizeof address->text)
        length = sizeof address->text;
    if (path[0] == '\0')
        length = length > 1 ? length : 0; /* abstract: all bytes count (unix(7)) */
    else
        length = strnlen(path, length);
    memcpy(address->text, path, length);
    if (length > 0 && path[0] == '\0')
        address->text[0] = '@';
    address->length = length;
}

struct address address_parse(const void *bytes, size_t size)
{
    struct address address = {.family = -1};
    sa_family_t family;

    if (size < sizeof family)
        return address;
    memcpy(&family, bytes, sizeof family);
    address.family = family;
    switch (family) {
    case AF_INET:
        take_inet(&address, bytes, size);
        break;
    case AF_INET6:
        take_inet6(&address, bytes, size);
        break;
    case AF_UNIX:
        take_unix(&address, bytes, size);
        break;
    default: /* netlink and its like stay on the machine, packets do not */
        address.loopback = family != AF_PACKET;
        break;
    }
    return address;
}

struct query query_parse(const void *bytes, size_t size)
{
    enum { HEADER = 12, FLAGS = 2, QUESTIONS = 4, LONGEST_LABEL = 63 };
    const unsigned char *b = bytes;
    struct query query = {0};
    size_t at = HEADER;

    /* a question, not an answer, and of these exactly one */
    if (size <= HEADER || (b[FLAGS] & 0x80) != 0 || b[QUESTIONS] != 0 || b[QUESTIONS + 1] != 1)
        return query;
    while (at < size && b[at] != 0) {
        const size_t label = b[at];

        if (label > LONGEST_LABEL || label >= size - at || query.length + label + 1 > sizeof query.name)
            return (struct query){0};
        if (query.length > 0)
            query.name[query.length++] = '.';
        memcpy(query.name + query.length, b + at + 1, label);
        query.length += label;
        at += label + 1;
    }
    if (at >= size)
        query.length = 0;
    return query;
}

const char *family_name(int family)
{
    switch (family) {
    case AF_INET:
        return "inet";
    case AF_INET6:
        return "inet6";
    case AF_UNIX:
        return "unix";
    case AF_NETLINK:
        return "netlink";
    case AF_PACKET:
        return "packet";
    case AF_VSOCK:
        return "vsock";
    default:
        return NULL;
    }
}
