"""What came out of a repetition, beside what came out of the original run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vestige.contents.comparison import Comparison, Tolerance, compare
from vestige.git import repo
from vestige.git.verifying.provision import is_as
from vestige.text import to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.git.verifying.originals import Original, Version
    from vestige.record.model import FileClass, FileUse
    from vestige.store.runs import RunFolder

STDOUT = "(stdout)"
MADE: tuple[FileClass, ...] = ("output", "modified")
_OBJECTS = "annex/objects/"
_LINK = "120000"
_IDENTICAL = Comparison("identical", "bytes")


class Outcome:
    """The outputs of a repetition: `tree` is where it ran, `folder` holds its record, `spare` is for copies."""

    def __init__(self, original: Original, tree: str, folder: RunFolder, *, spare: str, tolerance: Tolerance) -> None:
        self.original = original
        self.tree = tree
        self.folder = folder
        self.spare = os.path.join(spare, "then")
        self.tolerance = tolerance
        uses = ((os.fsdecode(to_bytes(use.path)), use) for use in folder.files(MADE))
        self.made = {path[len(tree) + 1 :]: use for path, use in uses if path.startswith(f"{tree}/")}

    def comparisons(self) -> Iterator[tuple[str, Comparison]]:
        """Yield how each output compares: those of then, then what is new, then what was printed."""
        ids = self._blob_ids()
        for path, output in self.original.outputs.items():
            same = output.entry is not None and ids.get(path) == output.entry.id
            yield path, _IDENTICAL if same or self._has_hash(path, output) else self._compared(path, output)
        for path in self.original.removed:
            if os.path.lexists(os.path.join(self.tree, path)):
                yield path, Comparison("different", "bytes", "removed then, and there now")
        for path, use in self.made.items():
            if path not in self.original.outputs and _is_file(use):
                yield path, Comparison("new", "bytes", "it did not come out then")
        now = os.path.join(self.folder.path, "stdout")
        if self.original.stdout is not None and (_size(self.original.stdout) or _size(now)):
            yield STDOUT, compare(self.original.stdout, now, name="stdout.txt", tolerance=self.tolerance)

    def _blob_ids(self) -> dict[str, str]:
        """Return what Git would call the files that came out, filters applied."""
        if self.original.base is None:
            return {}
        there = [path for path in self.original.outputs if os.path.isfile(os.path.join(self.tree, path))]
        return dict(repo.discover(self.tree).content_ids(there))

    def _has_hash(self, path: str, output: Version) -> bool:
        use = self.made.get(path)
        return use is not None and use.hash is not None and use.hash == output.hash

    def _compared(self, path: str, output: Version) -> Comparison:
        """Compare a file with what it was then, wherever that can be had."""
        now, then = os.path.join(self.tree, path), self._then(path, output)
        if then is not None:
            return compare(then, now, name=path, tolerance=self.tolerance)
        if not os.path.lexists(now):
            return Comparison("missing", "bytes", "it did not come out again")
        if output.hash is None or not output.hash.startswith("sha256:"):
            return Comparison("different", "bytes", "what came out then is not there any more, nor is its hash")
        if is_as(now, output.hash):
            return _IDENTICAL
        return Comparison("different", "bytes", "the hashes differ; what came out then is not there any more")

    def _then(self, path: str, output: Version) -> str | None:
        """Return a file with what came out then: of the commit, of git-annex, or still in the work tree."""
        repository, entry = self.original.repository, output.entry
        there = os.path.join(repository.top, path)
        if entry is None:
            return there if output.is_at(there) else None
        if entry.mode == _LINK:
            link = os.fsdecode(repository.git("cat-file", "blob", entry.id).out)
            pointed = os.path.normpath(os.path.join(os.path.dirname(there), link))
            return pointed if _OBJECTS in link and os.path.exists(pointed) else None
        if entry.is_submodule:
            return None
        repository.as_checked_out(entry.id, path, target=self.spare)
        return self.spare


def _size(path: str) -> int:
    return os.path.getsize(path) if os.path.exists(path) else 0


def _is_file(use: FileUse) -> bool:
    return use.after is not None and use.after.type == "file"
