"""A Kedro project of our own, run under `vestige run`, and what the run kept of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import vestige
from vestige.pipelines.plan import Plan, plans
from vestige.store.runs import RunFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vestige.record.model import Span

SOURCE = Path(__file__).parents[1] / "kedro" / "small"
PACKAGE = "small"


@dataclass(frozen=True, slots=True)
class Ran:
    """A run of a pipeline."""

    run: vestige.Run
    spans: tuple[Span, ...]

    @property
    def plan(self) -> Plan:
        """The plan of its only pipeline."""
        (plan,) = plans(self.run.folder).values()
        return plan

    @property
    def pipeline(self) -> Span:
        """The span of its only pipeline."""
        (found,) = self.of_kind("kedro.run")
        return found

    @property
    def nodes(self) -> dict[str, Span]:
        """The spans of its nodes."""
        return {span.name: span for span in self.of_kind("kedro.node")}

    def of_kind(self, kind: str) -> list[Span]:
        """Return the spans of a kind, in the order in which they began."""
        return [span for span in self.spans if span.kind == kind]

    def within(self, node: str) -> dict[tuple[str, str], Span]:
        """Return the loads and saves of a node, by kind and dataset."""
        around = self.nodes[node].id
        return {(span.kind, span.name): span for span in self.spans if span.parent == around}


@dataclass(frozen=True, slots=True)
class Project:
    """The project, in a folder of its own."""

    top: Path

    @classmethod
    def made(cls, folder: Path) -> Project:
        """Copy it."""
        shutil.copytree(SOURCE, folder / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
        local = folder / PACKAGE / "conf" / "local"
        local.mkdir()
        shutil.move(folder / PACKAGE / "credentials.yml", local)
        return cls(folder / PACKAGE)

    @property
    def store(self) -> Path:
        """Where its runs are kept."""
        return self.top.parent / "store"

    def environment(self, **more: str) -> dict[str, str]:
        """Return the variables for a run, without Kedro's calls."""
        folder = os.path.dirname(sys.executable)
        return {
            **os.environ,
            "PATH": f"{folder}:{os.environ['PATH']}",
            "KEDRO_DISABLE_TELEMETRY": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **more,
        }

    def with_python(self, python: str, *options: str, code: int = 0, **variables: str) -> Ran:
        """Run `kedro run` by another interpreter."""
        return self.command([python, "-m", "kedro", "run", *options], code=code, **variables)

    def kedro(self, *options: str, code: int = 0, **variables: str) -> Ran:
        """Run `kedro run` and return what was kept."""
        return self.with_python(sys.executable, *options, code=code, **variables)

    def command(self, words: Sequence[str], *, code: int = 0, **variables: str) -> Ran:
        """Run any command in the project."""
        environ = self.environment(**variables)
        streams = (subprocess.PIPE, subprocess.STDOUT)
        run = vestige.run(words, cwd=self.top, env=environ, store=self.store, stdout=streams[0], stderr=streams[1])
        assert run.exit_code == code, (run.stdout or b"").decode()
        return Ran(run, tuple(RunFolder(str(run.folder)).spans()))
