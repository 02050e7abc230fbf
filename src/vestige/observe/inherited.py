"""What Python changes in a process before any code of ours runs, put back before the command starts.

On the start-up path of `vestige run`: imports nothing that the interpreter has not loaded already.
"""

from __future__ import annotations

import os

_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")


def give_back_locale() -> None:
    """Undo Python's own change of the environment, which is not the command's business.

    Python sets LC_CTYPE in the C locale (PEP 538). What it was is in the environment as the kernel keeps it.
    """
    if os.environ.get("LC_CTYPE") not in _COERCED:
        return
    try:
        with open("/proc/self/environ", "rb") as file:
            given = [pair for pair in file.read().split(b"\0") if pair.startswith(b"LC_CTYPE=")]
    except OSError:
        return  # no Linux: can't be told apart from the user's own setting
    if given:
        os.environb[b"LC_CTYPE"] = given[0].partition(b"=")[2]
    else:
        del os.environ["LC_CTYPE"]
