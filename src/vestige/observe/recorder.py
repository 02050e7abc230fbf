"""The native recorder: where it is and how it is called. On the start-up path of `vestige run`."""

from __future__ import annotations

import os

from vestige._version import VERSION

TYPE_CHECKING = False  # `typing` costs 15 ms
if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "VESTIGE_RECORDER"
NO_DENIAL = (
    "the network can't be denied without the recorder, which is not there or does not run here; `vestige doctor` "
    "tells why, `--allow-network` runs the command all the same"
)
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Order:
    """What to observe: the words after `vestige-recorder` (and after the portable observer, which takes the same).

    `folder` or `run_id` None: the command runs unrecorded. `finish`: the program that finalises the run, which gets
    the run folder as its last argument; the recorder waits for it if `finish_waits`. `relay` "all": what is captured
    goes through a pipe of its own, whatever it goes to; "pipes": only what goes into a pipe. `session` "new": the
    command leads a session of its own, without a terminal; "same": it stays in ours.
    """

    __slots__ = (
        "argv", "capture", "deny_network", "finish", "finish_waits", "folder", "io_uring", "relay", "run_id", "session",
        "trace", "wait",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - all keywords: the recorder's options one by one
        self,
        argv: list[str],
        *,
        folder: str | None = None,
        run_id: str | None = None,
        trace: str = "auto",
        capture: str = "auto",
        wait: bool = False,
        io_uring: str = "auto",
        deny_network: bool = False,
        finish: tuple[str, ...] = (),
        finish_waits: bool = False,
        relay: str = "pipes",
        session: str = "same",
    ) -> None:
        self.argv = argv
        self.folder = folder
        self.run_id = run_id
        self.trace = trace
        self.capture = capture
        self.wait = wait
        self.io_uring = io_uring
        self.deny_network = deny_network
        self.finish = finish
        self.finish_waits = finish_waits
        self.relay = relay
        self.session = session

    def words(self) -> list[str]:
        """Return the order as arguments."""
        words = ["run"]
        if self.folder is not None and self.run_id is not None:
            words += ["--dir", self.folder, "--id", self.run_id]
        words += ["--version", VERSION, "--trace", self.trace, "--capture", self.capture]
        if self.wait:
            words.append("--wait")
        if self.io_uring != "auto":
            words += ["--io-uring", self.io_uring]
        if self.deny_network:
            words += ["--deny-network", "on"]
        if self.relay != "pipes":
            words += ["--relay", self.relay]
        if self.session != "same":
            words += ["--session", self.session]
        for word in self.finish:
            words += ["--finish", word]
        if self.finish:
            words += ["--finish-mode", "wait" if self.finish_waits else "detached"]
        return [*words, "--", *self.argv]


def portable(python: str) -> list[str]:
    """Return the words that start the portable observer, which takes the same order."""
    site = os.path.dirname(_PACKAGE)
    start = "from vestige.observe.portable import main; sys.exit(main(sys.argv[1:]))"
    return [python, "-c", f"import sys; sys.path.append({site!r}); {start}"]


def path(environ: Mapping[str, str]) -> str:
    """Return the path of the recorder, which need not exist."""
    return environ.get(VARIABLE) or os.path.join(_PACKAGE, "_bin", "vestige-recorder")
