#define _GNU_SOURCE
#include "network.h"

#include "connections.h"
#include "sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DNS_PORT = 53, MOST_MESSAGES = 1024 /* UIO_MAXIOV */, SENT = 1 << 10 };

/* What is asked of a socket, however it is called: the arguments of connect(2), bind(2), sendto(2) and their kind. */
struct socket_request {
    enum call call;
    uint64_t fd;
    uint64_t message; /* a buffer, a struct msghdr or a vector of them */
    uint64_t message_length;
    uint64_t address;
    uint64_t address_length;
};

/* socketcall(2): the number is the first argument, the rest lie in memory (32-bit only). */
static struct socket_request unpack(const struct receiver *receiver)
{
    static const enum call calls[] = {[2] = CALL_BIND,        [3] = CALL_CONNECT,  [4] = CALL_LISTEN, [11] = CALL_SENDTO,
                                      [15] = CALL_GETSOCKOPT, [16] = CALL_SENDMSG, [20] = CALL_SENDMMSG};
    const uint64_t *arguments = receiver->notice.arguments;
    uint32_t packed[6] = {0};

    if (arguments[0] >= sizeof calls / sizeof *calls)
        return (struct socket_request){.call = CALL_NONE};
    (void)memory_read(receiver->who.tid, arguments[1], packed, sizeof packed);
    switch (calls[arguments[0]]) {
    case CALL_SENDTO:
        return (struct socket_request){CALL_SENDTO, packed[0], packed[1], packed[2], packed[4], packed[5]};
    case CALL_BIND:
    case CALL_CONNECT:
        return (struct socket_request){calls[arguments[0]], packed[0], 0, 0, packed[1], packed[2]};
    default:
        return (struct socket_request){calls[arguments[0]], packed[0], packed[1], packed[2], 0, 0};
    }
}

static struct socket_request request_of(const struct receiver *receiver)
{
    const uint64_t *arguments = receiver->notice.arguments;

    switch (receiver->notice.call) {
    case CALL_SOCKETCALL:
        return unpack(receiver);
    case CALL_SENDTO:
        return (struct socket_request){CALL_SENDTO, arguments[0], arguments[1], arguments[2], arguments[4], arguments[5]};
    case CALL_CONNECT:
    case CALL_BIND:
        return (struct socket_request){receiver->notice.call, arguments[0], 0, 0, arguments[1], arguments[2]};
    default:
        return (struct socket_request){receiver->notice.call, arguments[0], arguments[1], arguments[2], 0, 0};
    }
}

/* The parts of a struct msghdr that say where and what, for pointers of either size (recvmsg(2), compat_msghdr). */
struct message {
    uint64_t address;
    uint64_t address_length;
    uint64_t first_buffer;
    uint64_t first_length;
    size_t size; /* of one in a vector of sendmmsg(2) */
};

static struct message read_message(pid_t tid, uint64_t at, bool is_32bit)
{
    uint32_t narrow[4] = {0};
    uint64_t wide[4] = {0};
    uint32_t narrow_buffer[2] = {0};
    uint64_t wide_buffer[2] = {0};

    if (is_32bit) {
        (void)memory_read(tid, at, narrow, sizeof narrow);
        (void)memory_read(tid, narrow[2], narrow_buffer, sizeof narrow_buffer);
        return (struct message){narrow[0], narrow[1], narrow_buffer[0], narrow_buffer[1], 32};
    }
    (void)memory_read(tid, at, wide, sizeof wide);
    (void)memory_read(tid, wide[2], wide_buffer, sizeof wide_buffer);
    return (struct message){wide[0], wide[1] & UINT32_MAX, wide_buffer[0], wide_buffer[1], 64};
}

static struct address read_address(pid_t tid, uint64_t at, uint64_t length)
{
    _Alignas(8) char bytes[ADDRESS_SIZE];
    const size_t size = length < sizeof bytes ? (size_t)length : sizeof bytes;

    if (at == 0)
        return (struct address){.family = -1};
    return address_parse(bytes, memory_read(tid, at, bytes, size));
}

/* Where a datagram is to go. No family at all means IPv4 there (udp_sendmsg in the kernel's net/ipv4/udp.c). */
static struct address read_destination(pid_t tid, uint64_t at, uint64_t length)
{
    const sa_family_t inet = AF_INET;
    _Alignas(8) char bytes[ADDRESS_SIZE];
    struct address address = read_address(tid, at, length);

    if (address.family != AF_UNSPEC)
        return address;
    length = memory_read(tid, at, bytes, length < sizeof bytes ? (size_t)length : sizeof bytes);
    memcpy(bytes, &inet, sizeof inet);
    return address_parse(bytes, (size_t)length);
}

static void read_query(struct receiver *receiver, uint64_t at, uint64_t length)
{
    char bytes[512];
    const size_t size = length < sizeof bytes ? (size_t)length : sizeof bytes;

    receiver->contact.query = query_parse(bytes, memory_read(receiver->who.tid, at, bytes, size));
}

static bool leaves_machine(const struct address *address)
{
    return address->family >= 0 && !address->loopback;
}

/* Sends of one process to one address are written once. */
static bool is_sent_already(const struct receiver *receiver)
{
    static _Atomic uint64_t sent[SENT];
    const struct address *address = &receiver->contact.address;
    const uint64_t seed = HASH_START ^ ((uint64_t)receiver->who.pid << 20) ^ address->port;
    const uint64_t hash = hash_bytes(seed, address->text, address->length) | 1;

    return atomic_exchange(&sent[hash / 2 % SENT], hash) == hash;
}

/* Datagrams: where the first goes that has an address, and what it asks if that is a name server. Under --deny-network
 * one that would leave the machine is enough. */
static void look_at_send(struct receiver *receiver, const struct socket_request *request)
{
    const pid_t tid = receiver->who.tid;
    struct contact *contact = &receiver->contact;
    uint64_t at = request->message;
    uint64_t count = request->call == CALL_SENDMMSG ? request->message_length : 1;

    if (request->call == CALL_SENDTO) {
        contact->address = read_destination(tid, request->address, request->address_length);
        if (contact->address.port == DNS_PORT)
            read_query(receiver, request->message, request->message_length);
        return;
    }
    for (uint64_t i = 0; i < count && i < MOST_MESSAGES && !leaves_machine(&contact->address); i++) {
        const struct message message = read_message(tid, at, receiver->notice.is_32bit);

        contact->address = read_destination(tid, message.address, message.address_length);
        at += message.size;
        if (i == 0 && request->call == CALL_SENDMMSG && message.first_length < 512)
            read_query(receiver, message.first_buffer, message.first_length);
    }
}

static void look_at_connect(struct receiver *receiver, const struct socket_request *request)
{
    struct contact *contact = &receiver->contact;

    contact->address = read_address(receiver->who.tid, request->address, request->address_length);
    contact->refused = receiver->shared->policy.deny_network && leaves_machine(&contact->address);
    if (contact->refused)
        contact->type = socket_type(receiver->who.pid, contact->fd);
    else
        contact->type = connections_watch(receiver->shared, receiver->notice.moment, &receiver->who, contact->fd,
                                          contact->address.loopback);
}

static int look_at_socket(struct receiver *receiver)
{
    struct contact *contact = &receiver->contact;
    struct socket_request request;

    receiver->who = who_is(&receiver->threads, receiver->notice.tid, receiver->notice.moment.t);
    request = request_of(receiver);
    receiver->notice.call = request.call;
    *contact = (struct contact){.fd = (int)request.fd, .type = -1, .address = {.family = -1}};
    switch (request.call) {
    case CALL_CONNECT:
        look_at_connect(receiver, &request);
        break;
    case CALL_BIND:
        contact->address = read_address(receiver->who.tid, request.address, request.address_length);
        contact->type = socket_type(receiver->who.pid, contact->fd);
        break;
    case CALL_LISTEN:
        contact->address = socket_own_address(receiver->who.pid, contact->fd);
        contact->type = socket_type(receiver->who.pid, contact->fd);
        break;
    case CALL_GETSOCKOPT:
        receiver->silent = true; /* what came of a connect is looked at whatever the thread calls next */
        break;
    case CALL_SENDTO:
    case CALL_SENDMSG:
    case CALL_SENDMMSG:
        look_at_send(receiver, &request);
        contact->refused = receiver->shared->policy.deny_network && leaves_machine(&contact->address);
        break;
    default:
        receiver->silent = true;
        break;
    }
    return contact->refused ? EACCES : 0;
}

static void write_address(struct json *json, const struct contact *contact)
{
    static const char *const types[] = {
        [SOCK_STREAM] = "stream", [SOCK_DGRAM] = "dgram", [SOCK_RAW] = "raw", [SOCK_SEQPACKET] = "seqpacket"};
    const struct address *address = &contact->address;
    const char *family = family_name(address->family);

    json_int(json, "fd", contact->fd);
    if (family != NULL)
        json_string(json, "family", family);
    else if (address->family >= 0)
        json_int(json, "family", address->family);
    if (contact->type > 0 && contact->type < (int)(sizeof types / sizeof *types) && types[contact->type] != NULL)
        json_string(json, "type", types[contact->type]);
    if (address->length > 0)
        json_text(json, address->family == AF_UNIX ? "path" : "address", address->text, address->length);
    if (address->has_port)
        json_uint(json, "port", address->port);
    if (contact->refused)
        json_bool(json, "refused", true);
}

static void write_query(struct receiver *receiver)
{
    const struct contact *contact = &receiver->contact;
    struct json json = receiver_event(receiver, "query");

    json_text(&json, "name", contact->query.name, contact->query.length);
    if (contact->address.length > 0)
        json_text(&json, "address", contact->address.text, contact->address.length);
    if (contact->address.has_port)
        json_uint(&json, "port", contact->address.port);
    event_record(receiver->shared, &json);
}

static void write_socket(struct receiver *receiver)
{
    static const char *const names[CALLS] = {[CALL_CONNECT] = "connect", [CALL_BIND] = "bind", [CALL_LISTEN] = "listen",
                                             [CALL_SENDTO] = "send",     [CALL_SENDMSG] = "send",
                                             [CALL_SENDMMSG] = "send"};
    const struct contact *contact = &receiver->contact;
    const char *name = names[receiver->notice.call];
    struct json json;

    if (contact->query.length > 0) {
        write_query(receiver);
        receiver->notice.moment = event_moment(receiver->shared);
    }
    /* a send without an address went to where the socket is connected, and to a name asked for it was said above */
    if (name == NULL || contact->address.family < 0 || (strcmp(name, "send") == 0 && is_sent_already(receiver)))
        return;
    json = receiver_event(receiver, name);
    write_address(&json, contact);
    event_record(receiver->shared, &json);
}

const struct handler network_handler = {look_at_socket, write_socket};
