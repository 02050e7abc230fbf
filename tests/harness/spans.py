"""Spans as the tests see them: scripts that make them, and the lines of `spans.jsonl`."""

from __future__ import annotations

import os
import sys
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness import recorded
from harness.command import package_parent

if TYPE_CHECKING:
    from harness.command import Vestige
    from harness.recorded import Run


@dataclass(frozen=True)
class Told:
    """What a script did, and its spans."""

    run: Run
    out: str
    spans: list[dict[str, Any]] = field(default_factory=list)

    def named(self, name: str) -> dict[str, Any]:
        """Return the one span of this name."""
        (found,) = [span for span in self.spans if span["name"] == name]
        return found

    def tree(self) -> dict[str, str | None]:
        """Return by name what is around each span; names must differ."""
        names = {span["id"]: span["name"] for span in self.spans}
        assert len(set(names.values())) == len(names)
        return {span["name"]: names.get(span["parent"]) for span in self.spans}


def variables(vestige: Vestige) -> dict[str, str]:
    """Return an environment in which scripts can `import vestige`."""
    return vestige.variables | {"PYTHONPATH": package_parent()}


def script(vestige: Vestige, text: str, name: str = "script.py") -> str:
    """Write a script that imports what spans need, and return its path."""
    path = vestige.path(name)
    with open(path, "w", encoding="utf-8") as file:
        file.write("import os, sys, time\nimport vestige\n" + textwrap.dedent(text))
    return path


def tell(vestige: Vestige, text: str, *, code: int = 0, **more: Any) -> Told:
    """Run a script under vestige; it must end with `code`."""
    words = (sys.executable, script(vestige, text))
    done = vestige.record(*words, env=variables(vestige), **more)
    assert done.completed.returncode == code, done.completed.stderr.decode()
    return Told(done.run, done.completed.stdout.decode(), lines(done.run))


def lines(run: Run) -> list[dict[str, Any]]:
    """Return the spans of a run."""
    path = os.path.join(run.folder, "spans.jsonl")
    return recorded.read_lines(path) if os.path.exists(path) else []
