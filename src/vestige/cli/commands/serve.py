"""`vestige serve`: pages of all runs, in a browser on this machine."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from typing import TYPE_CHECKING

from vestige import api, exit_codes
from vestige.cli import printing, stores
from vestige.cli.progress import Progress
from vestige.errors import ServerError, Terminated, UsageError
from vestige.quantity import number

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = """\
examples:
  vestige serve                          pages of the runs that `vestige ls` lists; Ctrl-C ends it
  vestige serve --port 0 --no-open       on any free port, and only the address is printed
  vestige serve --store /data/runs       those of another store
  ssh -tL 8710:127.0.0.1:8710 node7 vestige serve     those of another machine: open what it prints
"""

_PORT = 8710
_LARGEST_PORT = 65535
_BEYOND = "--beyond-this-machine"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige serve`."""
    parser.add_argument("--port", type=int, default=_PORT, metavar="N", help=f"default: {_PORT}; 0: any that is free")
    parser.add_argument("--open", action=argparse.BooleanOptionalAction, help="open a browser, or don't; "
                        "default: where there is a desktop")  # fmt: skip
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="where to listen; default: 127.0.0.1")
    parser.add_argument(_BEYOND, action="store_true", help="allow a `--host` that other machines reach, without "
                        "encryption; `ssh -L` needs neither")  # fmt: skip
    stores.add_option(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    try:
        import httptools  # noqa: F401, PLC0415 - whether the extra is there
        import starlette  # noqa: F401, PLC0415
        import uvicorn  # noqa: F401, PLC0415
    except ImportError as error:
        raise ServerError(f"{error.name} is missing: `pip install 'vestige[serve]'`") from error
    _serve(arguments)
    return exit_codes.OK


def _serve(arguments: argparse.Namespace) -> None:
    from vestige.serve import gate, serving  # noqa: PLC0415 - needs the extra
    from vestige.serve.catalogue import Catalogue  # noqa: PLC0415
    from vestige.web.listening import Address  # noqa: PLC0415

    if not 0 <= arguments.port <= _LARGEST_PORT:
        raise UsageError(f"`--port` goes up to {_LARGEST_PORT}")
    if not arguments.beyond_this_machine and not gate.is_loopback(arguments.host):
        raise UsageError(
            f"`--host {arguments.host}` lets other machines in, and all that is shown goes over the network in the "
            f"clear; use `ssh -L {arguments.port}:127.0.0.1:{arguments.port}` instead, or add `{_BEYOND}`"
        )
    progress = Progress(hint="", doing="reading runs", amount=lambda count: f"{number(int(count))} runs")
    try:
        catalogue = Catalogue(api.all_kept(arguments.store), progress)
        progress.clear()
        serving.serve(
            catalogue,
            Address(arguments.host, arguments.port),
            beyond=arguments.beyond_this_machine,
            started=lambda address: _announce(address, asked=arguments.open),
        )
    except KeyboardInterrupt as ending:  # that is how it ends
        if isinstance(ending, Terminated):
            raise
    finally:
        progress.clear()


def _announce(address: str, *, asked: bool | None) -> Callable[[], None]:
    """Print the address, open it where that is wanted, and return what is to be done in the end."""
    from vestige.serve import opening  # noqa: PLC0415

    print(address, flush=True)
    printing.say("open this address; Ctrl-C ends it")
    wanted = opening.is_wanted(os.environ, terminal=sys.stdout.isatty()) if asked is None else asked
    if not wanted:
        return lambda: None
    try:
        file = opening.Opening(address)
    except OSError as error:  # the runtime folder of another user, as under `sudo`, or no space
        printing.say(f"no browser is opened: {error.strerror}")
        return lambda: None
    threading.Thread(target=file.show, name="browser", daemon=True).start()  # a browser of the terminal's stays
    return file.forget
