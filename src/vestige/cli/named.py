"""The run that a word of the command line means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige import api, invocation
from vestige.errors import RunNotFoundError

if TYPE_CHECKING:
    from vestige.store.kept import KeptRun


def run(store: str | None, word: str) -> KeptRun:
    """Return the run: `last`, an id, a log of con-duct; where there is none, what a commit of Git records.

    Raises RunNotFoundError, AmbiguousRunError, StoreError, RecordError.
    """
    every = api.all_kept(store)
    try:
        return every.find(word)
    except RunNotFoundError:
        from vestige.compare import naming  # noqa: PLC0415 - hardly ever

        found = naming.of_revision(every, invocation.cwd(), word)
        if found is None:
            raise
        return found
