"""Regular expressions of others, with an end: Python's may take longer than the universe lasts for one line of text.

A pattern with one repeat at the most takes time with the square of the text, which is cut; it is matched at once. Any
other is matched by a process of its own, which is ended when it takes too long: a thread could not be.
"""

from __future__ import annotations

import contextlib
import json
import re
import select
import subprocess
import sys
import time
from typing import IO

from vestige.errors import UsageError

LONGEST_TEXT = 4000  # letters that are looked at
_LONGEST_PATTERN = 500
_PATIENCE = 5.0  # s, for all texts together
_REMEMBERED = 1 << 17  # texts: commands repeat
_REPEATS = "*+?{"
_BACK = re.compile(r"\\[1-9]|\(\?P=|\(\?\(")
_MATCHER = """
import json, re, sys
pattern = re.compile(json.loads(sys.stdin.readline()))
for line in sys.stdin:
    sys.stdout.write("1" if pattern.search(json.loads(line)) else "0")
    sys.stdout.flush()
"""


class Pattern:
    """A pattern that texts are searched for."""

    def __init__(self, text: str) -> None:
        """Compile it. Raises UsageError."""
        self._text = text
        self._left = _PATIENCE
        self._process: subprocess.Popen[bytes] | None = None
        try:
            if len(text) > _LONGEST_PATTERN:
                raise UsageError(f"the pattern has more than {_LONGEST_PATTERN} letters")
            self._compiled = re.compile(text)
        except (re.error, RecursionError, OverflowError) as error:
            raise UsageError(f"`{text}` is no regular expression: {error}") from error
        self._found: dict[str, bool] = {}

    def search(self, text: str) -> bool:
        """Say whether the pattern is in a text. Raises UsageError where that takes too long."""
        found = self._found.get(text)
        if found is None:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            found = self._found[text] = self._at_once(text) if _is_simple(self._text) else self._elsewhere(text)
        return found

    def _at_once(self, text: str) -> bool:
        return self._compiled.search(text[:LONGEST_TEXT]) is not None

    def _elsewhere(self, text: str) -> bool:
        process = self._process or self._start()
        begun = time.monotonic()
        answer = b""
        with contextlib.suppress(BrokenPipeError):
            _pipe(process.stdin).write(json.dumps(text[:LONGEST_TEXT]).encode() + b"\n")
            if select.select([_pipe(process.stdout)], [], [], max(self._left, 0))[0]:
                answer = _pipe(process.stdout).read(1)
        self._left -= time.monotonic() - begun
        if not answer:
            self.close()
            raise UsageError(f"the pattern `{self._text}` takes too long; write it with fewer repeats")
        return answer == b"1"

    def _start(self) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-I", "-S", "-c", _MATCHER]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        _pipe(self._process.stdin).write(json.dumps(self._text).encode() + b"\n")
        return self._process

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def __del__(self) -> None:
        """Leave no process behind."""
        self.close()


def _is_simple(text: str) -> bool:
    return sum(map(text.count, _REPEATS)) <= 1 and not _BACK.search(text)


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # noqa: S101 - both are pipes
    return stream
