"""Every exit code of vestige, and the one place that says what it means."""

from __future__ import annotations

OK = 0
UNEXPECTED = 1
FAILED = 2
NOT_REPEATED = 3
OVER_LIMIT = 3
NOT_COMMITTED = 123  # the same as EXIT_NOT_COMMITTED of native/front.c
NOT_STARTED = 125
NOT_EXECUTABLE = 126
NOT_FOUND = 127
SIGNALLED = 128
INTERRUPTED = 130
BROKEN_PIPE = 141

RUN: tuple[tuple[str, str], ...] = (
    ("the command's own", "the command ended by itself, whatever happened to the recording of it"),
    (f"{SIGNALLED} + n", "signal n ended the command (137 is SIGKILL, 143 SIGTERM), as a shell shows it"),
    (f"{NOT_FOUND}", "the command was not found"),
    (f"{NOT_EXECUTABLE}", "the command was found but could not be executed"),
    (
        f"{NOT_COMMITTED}",
        "the command succeeded, but the commit that `--commit` asked for was not made; `vestige commit` makes it later",
    ),
    (f"{NOT_STARTED}", "vestige itself failed before the command started: a bad option, config file or store"),
)

OTHERS: tuple[tuple[str, str], ...] = (
    (f"{OK}", "done"),
    (f"{UNEXPECTED}", "a fault of vestige: the message names a file that tells what happened, to paste into a report"),
    (f"{FAILED}", "an expected failure, said in one line on stderr: a bad option, no such run, an unreadable record"),
    (f"{NOT_REPEATED}", "`vestige verify`: an output did not come out again, or the command ended otherwise"),
    (f"{OVER_LIMIT}", "`vestige compare --fail-over`: a figure is over its limit, and not by noise alone"),
    (
        "a command's own",
        "from `vestige rerun`: that of the first command that failed, and did not fail like this before",
    ),
    (f"{NOT_COMMITTED}", "from `vestige rerun`: the command succeeded, but its commit was not made"),
    (f"{INTERRUPTED}", "interrupted with Ctrl-C"),
    (f"{SIGNALLED} + n", "ended by signal n (143 is SIGTERM, 129 SIGHUP), which a command that was running got too"),
    (f"{BROKEN_PIPE}", "the reader of the output went away (`vestige ls | head -1`)"),
)


def shell_code(wait_status: int) -> int:
    """Return what a shell shows for a wait status: the exit status, or 128 + n for signal n."""
    low = wait_status & 0x7F
    return SIGNALLED + low if low else wait_status >> 8 & 0xFF
