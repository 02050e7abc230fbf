"""A run on real files: a test does something, and the events say what a recorder would have seen just before."""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.written import COMMAND, MS, RECORDER, Events, folder

from vestige.finalising.finalise import finalise
from vestige.store.runs import RunFolder
from vestige.text import from_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from vestige.record.model import FileUse, Record

TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link", stat.S_IFIFO: "fifo"}


def state(path: str | bytes) -> dict[str, Any]:
    """Return what an event says of what stands at a path."""
    try:
        status = os.lstat(path)
    except OSError:
        return {"absent": True}
    return {
        "state": {
            "type": TYPES[stat.S_IFMT(status.st_mode)],
            "dev": status.st_dev,
            "ino": status.st_ino,
            "size": status.st_size,
            "mtime_ns": status.st_mtime_ns,
            "ctime_ns": status.st_ctime_ns,
        }
    }


@dataclass
class Scene:
    """A folder of files, `work`, and a run in it. Names are relative to it."""

    tmp: Path
    argv: list[str] = field(default_factory=lambda: ["make", "all"])
    events: Events = field(default_factory=Events)
    pid: int = COMMAND
    start: int | None = 500
    changes: list[str | bytes] = field(default_factory=list)  # what the recorder would look at after the end
    options: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.work = os.path.realpath(self.tmp / "work")
        os.makedirs(self.work, exist_ok=True)
        self.began = time.time_ns()
        self.events.opening(realtime_ns=self.began, cwd=self.work)
        self.events.exec(2 * MS, COMMAND, ["make", "all"], ppid=RECORDER, start=self.start, path="/nonexistent/make")

    @property
    def t(self) -> int:
        return time.time_ns() - self.began

    def path(self, name: str | bytes) -> Any:
        return os.path.join(os.fsencode(self.work) if isinstance(name, bytes) else self.work, name)  # type: ignore[arg-type]

    def put(self, name: str | bytes, content: str = "content") -> str:
        """Make a file without an event: it was there before, or somebody else makes it."""
        with open(self.path(name), "w") as file:
            file.write(content)
        return str(self.path(name))

    def place(self, name: str | bytes, **keys: Any) -> dict[str, Any]:
        path = self.path(name)
        return {"path": from_bytes(os.fsencode(path)), **state(os.path.realpath(path)), **keys}

    def link_place(self, name: str | bytes) -> dict[str, Any]:
        """Return a place of which the last component is taken as it is."""
        path = self.path(name)
        return {"path": from_bytes(os.fsencode(path)), **state(path)}

    def add(self, event: str, **keys: Any) -> None:
        who = {"pid": self.pid, "tid": self.pid, "start": self.start}
        self.events.add(event, self.t, **{**who, **keys})

    def sees_open(self, name: str | bytes, access: str = "read", **keys: Any) -> None:
        """Note an open, without doing it."""
        if access != "read" or keys.get("create") or keys.get("truncate"):
            self.changes.append(name)
        self.add("open", **self.place(name), access=access, **keys)

    def reads(self, name: str | bytes) -> None:
        self.sees_open(name)

    def writes(self, name: str | bytes, content: str = "new content") -> None:
        self.sees_open(name, "write", create=True, truncate=True)
        with open(self.path(name), "w") as file:
            file.write(content)

    def appends(self, name: str | bytes, content: str = "more") -> None:
        self.sees_open(name, "write", create=True, append=True)
        with open(self.path(name), "a") as file:
            file.write(content)

    def unlinks(self, name: str | bytes) -> None:
        self.changes.append(name)
        self.add("unlink", **self.link_place(name))
        os.unlink(self.path(name))

    def sees_rename(self, source: str | bytes, target: str | bytes, **keys: Any) -> None:
        self.changes += [source, target]
        self.add("rename", **self.link_place(source), to=self.link_place(target), **keys)

    def renames(self, source: str | bytes, target: str | bytes) -> None:
        self.sees_rename(source, target)
        os.rename(self.path(source), self.path(target))

    def links(self, source: str, target: str) -> None:
        self.changes += [source, target]
        self.add("link", **self.link_place(source), to=self.link_place(target))
        os.link(self.path(source), self.path(target))

    def makes_folder(self, name: str) -> None:
        self.changes.append(name)
        self.add("mkdir", **self.link_place(name))
        os.mkdir(self.path(name))

    def ends(self, *, finals: bool = True) -> None:
        """End the run; without `finals` as after the recorder's death."""
        for name in dict.fromkeys(self.changes if finals else ()):
            path = self.path(name)
            self.events.add("final", self.t, path=from_bytes(os.fsencode(path)), **state(path))
        self.events.exit(self.t, COMMAND, ppid=RECORDER)
        self.events.reap(self.t, COMMAND)
        self.events.end(self.t, repeats=0)  # as a recorder that watches files

    def finalised(self, *, finals: bool = True) -> Record:
        """End the run if need be, and make its record."""
        if self.events.lines[-1]["event"] != "end":
            self.ends(finals=finals)
        self.folder = folder(
            self.tmp / "runs",
            self.events,
            now=self.began,
            argv=self.argv,
            cwd=self.work,
            options={"hash": "full", **self.options},
        )
        return finalise(self.folder)

    def uses(self, *, finals: bool = True) -> dict[str, FileUse]:
        """Return the files of the run by their names in `work`, others by their paths."""
        self.finalised(finals=finals)
        found = {use.path.removeprefix(f"{self.work}/"): use for use in RunFolder(self.folder).files()}
        return {name: use for name, use in found.items() if name != "/nonexistent/make"}

    def kinds(self, *, finals: bool = True) -> dict[str, str]:
        return {name: use.kind for name, use in self.uses(finals=finals).items()}
