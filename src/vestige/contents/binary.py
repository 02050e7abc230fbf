"""Bytes that no kind decodes: where they begin to differ, and whether only words like a timestamp do (PDF, HDF5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.contents.finding import Finding, common_start
from vestige.contents.text import changes
from vestige.quantity import number

if TYPE_CHECKING:
    from vestige.contents.tolerance import Tolerance


def differences(then: bytes, now: bytes, tolerance: Tolerance) -> Finding:
    """Return where two contents begin to differ."""
    detail = where(common_start(then, now), len(then), len(now))
    return Finding(equal=False, detail=detail, reason=changes(then, now, tolerance).reason)


def where(first: int, then: int | None, now: int | None) -> str:
    """Return in words at which offset the first difference is; sizes in bytes, None where nobody counted."""
    place = f"first different byte at offset {number(first)}"
    if then is None or now is None:
        return place
    sizes = f"{number(then)} bytes" if then == now else f"{number(then)} bytes then, {number(now)} now"
    return f"{sizes}, {place}"
