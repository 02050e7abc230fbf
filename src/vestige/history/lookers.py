"""Programs that decide by what a file looks like, without opening it: size, times, whether it is there.

A look (`stat`) is not traced. Where one of these took part, the files that a run opened say too little of what it
depended on. Others may do the same unknown to us; `same_files.of_others` and the guide are for those.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vestige.record.model import FileUse, Package, Process

# which of the files are newer than what was made of them; how large the files of a folder are
ALWAYS = {
    "ant", "b2", "bazel", "bjam", "bmake", "buck", "buck2", "bzr", "cargo", "ccache", "cmake", "ctest", "df", "doit",
    "du", "dune", "dvc", "fossil", "gmake", "go", "gradle", "gradlew", "hg", "jam", "latexmk", "luigi", "make",
    "meson", "mvn", "mvnw", "nextflow", "ninja", "ninja-build", "pants", "pmake", "rake", "redo", "remake", "rsync",
    "samu", "sbt", "sccache", "scons", "snakemake", "stack", "stat", "svn", "tree", "tup", "unison", "waf",
}  # fmt: skip
PACKAGES = {"doit", "dvc", "luigi", "scons", "snakemake"}  # of Python: the same, started as modules
_TREE = (
    "add|am|apply|checkout|cherry-pick|clean|commit|describe|diff|diff-files|diff-index|ls-files|merge|mv|pull|rebase|"
    "reset|restore|revert|rm|stash|status|submodule|switch|update-index|worktree"
)
_TEST = re.compile("-(?:nt|ot|s)")
IF_ASKED = {  # with a word that asks for it
    "[": _TEST,
    "cp": re.compile("-[A-Za-z]*u.*|--update.*"),
    "find": re.compile("-(?:newer.*|[acm]time|[acm]min|size|empty|perm|used|printf|fprintf|ls|fls)"),
    "git": re.compile(_TREE),
    "ls": re.compile("-[A-Za-z]*[cglnostuS][A-Za-z]*|--(?:size|sort|time|full-time|format).*"),
    "mv": re.compile("-[A-Za-z]*u.*|--update.*"),
    "test": _TEST,
}


def doubts(processes: Iterable[Process], uses: Iterable[FileUse], software: Iterable[Package]) -> Iterator[str]:
    """Yield a sentence for each such program that took part in a run."""
    names = {name.rpartition("/")[2] for use in uses if use.executed for name in (use.path, *use.names)}
    packages = {package.name.lower() for package in software if package.kind == "python" and package.imported}
    for name in sorted(names & ALWAYS | packages & PACKAGES):
        yield f"`{name}` looks at files without opening them, which is not seen"
    for process in processes:
        words = process.argv or ()
        name = words[0].rpartition("/")[2] if words else ""
        asked = IF_ASKED.get(name)
        if asked is not None and (process.argv_truncated or any(map(asked.fullmatch, words[1:]))):
            yield f"`{name}` looked at files without opening them, which is not seen"
