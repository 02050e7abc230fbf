/* The page that front, guard and recorder share, so that any survivor can carry on where another was killed.
 *
 * Guard and recorder also share one descriptor table (CLONE_FILES): the numbers in here mean the same in both, and
 * nothing is closed by the death of either. The front only reads. Everything a survivor needs is in here, nothing else.
 */
#ifndef VESTIGE_SHARED_H
#define VESTIGE_SHARED_H

#include "calls.h"

#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <termios.h>

enum { SIGNALS = 64, STREAMS = 2, BATCH_SIZE = 1 << 20, NOTIFICATION_SIZE = 512, RECEIVERS = 8, WATCHED = 64 };

enum stream_kind { KIND_CLOSED, KIND_PIPE, KIND_FILE, KIND_TERMINAL, KIND_SOCKET, KIND_DEVICE };

/* One output stream. Descriptors are -1 where there is none. */
struct stream {
    enum stream_kind kind;
    bool captured;        /* asked for and possible at the start */
    _Atomic int in;       /* our end of the pipe that the command writes to */
    _Atomic int out;      /* where that goes: the command's own stdout or stderr */
    _Atomic int mid;      /* read end of the staging pipe between `in` and the copy */
    _Atomic int mid_in;   /* its write end */
    _Atomic int copy;     /* the file in the run folder */
    _Atomic int file;     /* O_PATH of the regular file that the command writes to itself */
    int64_t offset;       /* where in that file it began */
    bool append;
    bool plain;           /* read and written: `in` is a pty, or splice(2) and tee(2) are not to be had */
    _Atomic uint64_t bytes;    /* passed on */
    _Atomic uint64_t stored;   /* of these, in the copy */
    _Atomic int copy_error;    /* errno that ended the copy */
};

/* The command's own terminal, where its output is captured from a terminal. Descriptors are -1 where there is none. */
struct pty {
    int master;
    int slave;             /* open from the leader's fork until the command has it */
    int outer;             /* the real terminal */
    int keys;              /* the real terminal as stdin */
    int life[2];           /* the session's leader sleeps on it */
    _Atomic int leader;
    _Atomic int anchored;  /* 1 once the command's group can be stopped */
    struct termios saved;  /* of the real terminal */
    _Atomic bool entered;  /* the real terminal is in raw mode */
};

/* Sums over everything that wait4 gave us. */
struct totals {
    uint64_t user_us;
    uint64_t system_us;
    uint64_t minor_faults;
    uint64_t major_faults;
    uint64_t blocks_in;
    uint64_t blocks_out;
    uint64_t voluntary_switches;
    uint64_t involuntary_switches;
    uint64_t maxrss; /* bytes, the largest */
};

/* Lines that wait to be written. Two take turns: one is filled while the other is on its way to the disk. */
struct batch {
    _Atomic uint32_t length;
    char text[BATCH_SIZE];
};

/* What guard and recorder tell the front, one datagram each. */
struct word {
    enum { WORD_STOPPED, WORD_ENDED, WORD_NOT_STARTED } what;
    int value; /* the signal, the wait status, the errno */
};

struct shared {
    /* processes */
    pid_t front;
    int front_pidfd;          /* so that a later process of its pid is never signalled; -1: the kernel has none */
    pid_t job;                /* the process group the command belongs to */
    bool apart;               /* it leads a session of its own: nothing that is sent to the group reaches it */
    _Atomic pid_t guard;
    _Atomic pid_t recorder;
    _Atomic pid_t command;    /* 0 until forked */
    /* the launch */
    _Atomic int listener;     /* the notification descriptor; LISTENER_* below */
    _Atomic int launched;     /* 1 once the command has a descriptor table of its own: ours may be tidied */
    _Atomic int exec_errno;   /* why the command could not be executed */
    bool wait_killable;
    bool no_new_privs;
    int listener_errno;
    bool sync_wake_up;
    struct policy policy;
    /* the notifications being answered, one a receiver: the kernel writes them here itself, so they survive it */
    _Alignas(8) unsigned char notifications[RECEIVERS][NOTIFICATION_SIZE];
    _Atomic int held[WATCHED]; /* sockets of the command that we hold for a moment, -1: none */
    /* the record */
    _Atomic int log;          /* events.jsonl, -1: nothing is recorded, or no longer */
    _Atomic int writing;      /* which batch is being filled */
    _Atomic bool cut;         /* the last write ended within a line */
    _Atomic uint64_t seq;
    _Atomic uint64_t dropped; /* events that found no room or no disk */
    _Atomic uint64_t lost;    /* notifications whose process could not be read */
    _Atomic uint64_t repeats; /* file events like an earlier one */
    _Atomic uint64_t unlisted; /* names that found no room for a look at the end */
    _Atomic uint64_t pss_skipped;
    struct batch batches[2];
    uint64_t monotonic_ns;    /* when the run began */
    struct stream streams[STREAMS];
    struct pty pty;
    bool merged;              /* stderr is stdout: one pipe carries both */
    struct totals totals;
    /* signals to the whole group, as seen by the witness, and as far as the front has taken them into account */
    _Atomic unsigned witnessed[SIGNALS];
    unsigned accounted[SIGNALS];
    /* the end */
    _Atomic bool stopped;     /* the command, by a signal */
    _Atomic bool command_ended;
    _Atomic int command_status;
    int command_pidfd;         /* knows the status even where the recorder was killed in the act of reaping (6.15) */
    _Atomic bool finished;    /* the record is whole: who survives only answers from now on */
    _Atomic bool alone;       /* nothing of the run lives on: guard and recorder are about to go */
    int words;                /* socket to the front */
};

enum { LISTENER_PENDING = -1, LISTENER_NONE = -2 };

struct shared *shared_new(void);

/* Wait until `*word` is no longer `value`, at most so long (-1: for ever), and say whether it is; wake all who wait, or
 * one of them. All across processes (futex(2)). */
bool shared_wait(_Atomic int *word, int value, int milliseconds);
void shared_wake(_Atomic int *word);
void shared_wake_one(_Atomic int *word);

/* Closes a descriptor that is named in the page, exactly once. */
void shared_close(_Atomic int *fd);

/* A thread with a stack as small as ours may be: under a tight `ulimit -v` the usual 8 MB would not be had. */
bool shared_thread(pthread_t *thread, void *(*body)(void *), void *argument);

uint64_t monotonic_ns(void);
/* Nanoseconds since the run began. */
uint64_t shared_now(const struct shared *shared);
void shared_tell(const struct shared *shared, struct word word);

#endif
