"""The commands that are measured: what each of them does, and with which of the compiled victims."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

import installation
import measure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from installation import Installation
    from measure import Contender, Look, Spent

GIGABYTE = 1_000_000_000
_GIGABYTES_COMPUTED = 9  # of noise, made and thrown away: about 2 s of one core
_READ_ALL = """
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            file.read()
"""
_PERIOD_MS = 500  # of a process that sleeps and touches memory


@dataclass(frozen=True)
class Workloads:
    """Makes command lines; `quick` makes them shorter."""

    made: Installation
    quick: bool

    def rounds(self, full: int) -> int:
        """Return how often to repeat something that is repeated `full` times in earnest."""
        return min(full, 3) if self.quick else full

    def number(self, full: int) -> int:
        """Return how large to make something: a tenth if it must be quick."""
        return full // 10 if self.quick else full

    def compare(
        self, contenders: Mapping[str, Contender], *, rounds: int, look: Look | None = None
    ) -> dict[str, list[Spent]]:
        """Measure contenders side by side."""
        return measure.compare(contenders, self.rounds(rounds), self.made.room, look)

    def true(self) -> list[str]:
        """Return the shortest command there is."""
        return ["true"]

    def python(self) -> list[str]:
        """Return the interpreter's own start."""
        return [self.made.python, "-c", "pass"]

    def short_processes(self, number: int) -> list[str]:
        """Return a command that starts a program that does nothing, `number` times, one after the other."""
        return [self.made.victim("actor"), f"inturn:{number}", f"exec:{self.made.victim('nothing')}"]

    def forks(self, number: int) -> list[str]:
        """Return a command that forks `number` times, one after the other; the children end at once."""
        return [self.made.victim("actor"), f"inturn:{number}"]

    def at_once(self, number: int) -> list[str]:
        """Return a command that has `number` processes at the same time, for three seconds."""
        return [self.made.victim("actor"), f"children:{number}", "sleep:3000"]

    def computing(self) -> list[str]:
        """Return a command that does a fixed amount of computing in one process.

        What it makes it throws away itself: con-duct captures any stdout, and would be measured at writing a file.
        """
        blob, length = self.noise(self.number(_GIGABYTES_COMPUTED * GIGABYTE))
        return ["sh", "-c", f"exec {shlex.quote(blob)} {length} >/dev/null"]

    def noise(self, length: int) -> list[str]:
        """Return a command that writes `length` bytes of noise, in pieces of 64 KiB."""
        return [self.made.victim("blob"), str(length)]

    def fifty_processes(self, seconds: int) -> list[str]:
        """Return a command with 50 processes that sleep, touch 1 MB and give it back, twice a second."""
        turn = ("touch:1", f"sleep:{_PERIOD_MS}", "free")
        return [self.made.victim("actor"), "children:50", *turn * (seconds * 1000 // _PERIOD_MS)]

    def small_files(self, number: int) -> list[str]:
        """Return a command that reads `number` files of 1.5 kB, a hundred to a folder, in Python."""
        folder = self.made.small_files(number)
        return [self.made.python, "-c", _READ_ALL, folder]

    def git(self, times: int) -> list[str]:
        """Return a command that asks git for the state of a small repository, `times` times."""
        repository = shlex.quote(self.made.repository())
        return ["sh", "-c", f"i=0; while [ $i -lt {times} ]; do git -C {repository} status -s; i=$((i+1)); done"]

    def compiling(self) -> list[str]:
        """Return a command that compiles the recorder's own sources, two at a time, into the folder where it runs."""
        native = os.path.join(installation.CHECKOUT, "native")
        makefile = os.path.join(installation.CHECKOUT, "bench", "compile.mk")
        return ["make", "--silent", "--jobs=2", f"--file={makefile}", f"SOURCES={native}"]
