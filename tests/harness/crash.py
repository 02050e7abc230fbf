"""Call vestige in this process, and kill it right before its n-th step that others can see.

`python crash.py N WORD...`: a step is a program that is started, or a file that is opened for writing, linked, renamed
or removed. Whoever survives had fewer.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

_STEPS = {"os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "subprocess.Popen"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def main() -> int:
    from vestige.cli import dispatch  # noqa: PLC0415 - what importing opens does not count
    from vestige.cli.commands import commit  # noqa: F401, PLC0415

    left = int(sys.argv[1])

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in _STEPS or (event == "open" and arguments[2] & _WRITING):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    return dispatch.main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
