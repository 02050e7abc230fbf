/* One receiver of notifications and its buffers: nothing is allocated while a process stands still.
 *
 * Every call has a handler in two halves. `look` runs while the process stands in the call and decides what it is
 * answered; `write` runs when it has been answered, and puts down what was seen. */
#ifndef VESTIGE_RECEIVER_H
#define VESTIGE_RECEIVER_H

#include "arguments.h"
#include "calls.h"
#include "events.h"
#include "place.h"
#include "shared.h"
#include "address.h"
#include "who.h"

#include <linux/seccomp.h>

enum { LINE_SIZE = 160 * 1024, INTERPRETERS_SIZE = 2048 }; /* 16 KiB of arguments, each byte at most six in JSON */

/* A notification, decoded. */
struct notice {
    uint64_t id;
    struct moment moment;
    enum call call;
    pid_t tid;
    bool is_32bit;
    uint64_t arguments[6];
};

enum target { TARGET_ABSENT, TARGET_PLAIN, TARGET_PRIVILEGED };

struct execution {
    enum target target;
    pid_t ppid;
    bool replaces; /* a program of its own: `prior` is what that one used */
    struct figures prior;
    size_t interpreters_length;
    char interpreters[INTERPRETERS_SIZE]; /* a JSON list */
};

struct departure {
    struct figures figures;
    bool identified;
    uint64_t start;
    pid_t target; /* of a kill */
    int number;
};

struct attempt {
    uint64_t flags;
    int access; /* O_RDONLY, O_WRONLY, O_RDWR */
    bool path_only;
    bool has_target;
    struct name target; /* of a symbolic link */
};

struct contact {
    int fd;
    struct address address;
    int type; /* SOCK_*, -1: not known */
    bool refused;
    struct query query;
};

struct receiver {
    struct shared *shared;
    pthread_t thread;
    bool helps; /* sleeps until it is called; the others wait for the next notification */
    struct seccomp_notif *notification; /* in the shared page */
    _Atomic uint64_t since; /* ns, when it took up what it is busy with; 0: it waits */
    struct notice notice;
    struct threads threads;
    struct who who;
    struct place place;
    struct place to;
    struct arguments arguments;
    union {
        struct execution execution;
        struct departure departure;
        struct attempt attempt;
        struct contact contact;
    };
    bool silent; /* nothing to write */
    char line[LINE_SIZE];
};

struct handler {
    int (*look)(struct receiver *receiver); /* the errno to answer with, 0: the call goes on */
    void (*write)(struct receiver *receiver);
};

/* Opens the event of this notice in the receiver's line, with who stands in it. */
struct json receiver_event(struct receiver *receiver, const char *name);

#endif
