"""Libraries that decode a kind of file. None of them has to be there."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from vestige.contents.finding import ForeignError

if TYPE_CHECKING:
    from types import ModuleType

_MISSING = "comparing by content needs `pip install 'vestige[verify]'`"


def needed(module: str) -> ModuleType:
    """Return a module, of whose types nothing is known where it is not installed; `ForeignError` says what to do."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ForeignError(_MISSING) from error
