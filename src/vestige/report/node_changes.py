"""What changed for the nodes of a pipeline since they last ran well, in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.quantity import counted
from vestige.words import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.pipelines.changed import NodeChanges
    from vestige.report.paint import Paint


def lines(found: Sequence[NodeChanges], *, paint: Paint) -> Iterator[str]:
    """Yield a line for every node of which something changed, and how many others there are."""
    before = [each for each in found if each.since is not None]
    if not before:
        return
    yield ""
    yield paint.bold("what changed since each node last ran")
    changed = [each for each in before if each.reasons]
    width = max((len(safe(each.node)) for each in changed), default=0)
    for each in changed:
        words = safe("; ".join(each.reasons))
        yield f"  {safe(each.node):<{width}}  since {safe(each.since or '')}  {words}"
    rest = len(before) - len(changed)
    if rest:
        yield f"  {'nothing' if not changed else 'nothing else'}: {counted(rest, 'node')} as before"
    new = len(found) - len(before)
    if new:
        yield f"  {new} never ran before, as far as runs are kept"
