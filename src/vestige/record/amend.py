"""What is added to a record after it was made final: what came of the commit that was asked for."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

from vestige.errors import StoreError
from vestige.record import codec, place

if TYPE_CHECKING:
    from vestige.record.model import Commit, Record


def with_commit(folder: str, record: Record, commit: Commit) -> Record:
    """Keep what came of a run's commit, and return the record with it. Raises StoreError."""
    amended = dataclasses.replace(record, commit=commit)
    try:
        place.write_atomically(os.path.join(folder, place.RECORD_NAME), codec.record_text(amended), durable=True)
    except OSError as error:
        raise StoreError(f"can't write the record in {folder}: {error.strerror}") from error
    return amended
