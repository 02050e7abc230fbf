/* Addresses and questions of sockets, out of bytes. Pure: bytes and a length in (fuzzed in native/tests). */
#ifndef VESTIGE_ADDRESS_H
#define VESTIGE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ADDRESS_SIZE = 128, QUERY_SIZE = 256 }; /* sizeof (struct sockaddr_storage); a DNS name has at most 253 bytes */

struct address {
    int family;            /* AF_*, -1: unreadable */
    bool has_port;
    unsigned port;
    size_t length;
    char text[ADDRESS_SIZE]; /* an IP address, or the path of a unix socket, `@` first if it is abstract */
    bool loopback;
};

struct query {
    size_t length;         /* 0: none */
    char name[QUERY_SIZE];
};

struct address address_parse(const void *bytes, size_t size);
/* The first question of a DNS message (RFC 1035, 4.1). */
struct query query_parse(const void *bytes, size_t size);
/* "inet", "unix", …; NULL: only a number is known. */
const char *family_name(int family);

#endif
