"""Stores of finished runs with their files, written through the codec, as a finaliser would leave them."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vestige.record import codec, place
from vestige.record.model import Completeness, Exit, FileState, FileUse, Record
from vestige.store.runs import Runs

if TYPE_CHECKING:
    from pathlib import Path

    from vestige.record.model import FileClass

BEGAN = 1_760_000_000_000_000_000
SECOND = 1_000_000_000


def read_record(path: str) -> Record:
    """Read one `record.json`, which no run folder need hold."""
    return codec.record_from_json(codec.read_object(path), path)


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def state(path: str) -> FileState:
    found = os.lstat(path)
    return FileState("file", found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_dev, found.st_ino)


def made_up(content: bytes, mtime: int) -> FileState:
    return FileState("file", len(content), mtime, mtime, 1, mtime % 1000)


def used(kind: FileClass, path: str, content: bytes, *, mtime: int = 1, **keys: Any) -> FileUse:
    """Return a file that need not exist."""
    both = made_up(content, mtime)
    default: dict[str, Any] = {"before": None if kind == "output" else both, "after": both, "hash": digest(content)}
    return FileUse(path, kind, **{**default, **keys})


@dataclass
class Store:
    """A store in the making: every call of `run` keeps one more run, a minute after the one before."""

    path: Path
    ids: list[str] = field(default_factory=list)

    @property
    def runs(self) -> Runs:
        return Runs((place.Store(str(self.path), "option"),))

    def run(self, *uses: FileUse, argv: tuple[str, ...] = (), code: int = 0, lasted: int = 1, **keys: Any) -> str:
        """Keep a run and return its id; `keys` are what its record says otherwise."""
        began = BEGAN + 60 * SECOND * len(self.ids)
        run_id = place.new_id(began)
        self.ids.append(run_id)
        record = Record(
            id=run_id,
            argv=argv or ("step", str(len(self.ids))),
            cwd="/data",
            status="ended",
            started=place.utc_text(began),
            ended=place.utc_text(began + lasted * SECOND),
            exit=Exit(code=code),
            vestige="0",
            machine=None,
            environment={},
            completeness=Completeness("recorder", "on", files="complete"),
        )
        record = dataclasses.replace(record, **keys)
        folder = self.folder(run_id, began)
        folder.mkdir(parents=True)
        (folder / "record.json").write_bytes(codec.record_text(record))
        (folder / "events.jsonl").write_bytes(b"{}\n")
        (folder / "files.jsonl").write_bytes(b"".join(map(codec.line, uses)))
        return run_id

    def folder(self, run_id: str, began: int | None = None) -> Path:
        moment = BEGAN + 60 * SECOND * self.ids.index(run_id) if began is None else began
        return self.path / "runs" / place.run_folder_name(run_id, moment)
