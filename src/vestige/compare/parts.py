"""Runs part by part: nodes of Kedro, or else spans of one name, with what changed for a node."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.compare.figures import Row, row
from vestige.pipelines.changed import changes_between
from vestige.pipelines.plan import has_plans
from vestige.record.model import Figure
from vestige.spans.kinds import NODE
from vestige.store.runs import RunFolder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vestige.compare.sides import Group, Seen
    from vestige.record.model import Span

_MOST = 1_000  # names


@dataclass(frozen=True, slots=True)
class Part:
    """A node, or all spans of one name."""

    name: str  # text
    kind: str  # "kedro.node", "span", "command", …
    wall: Row
    cpu: Row
    memory_peak: Row
    reasons: tuple[tuple[str, ...], ...]  # by side: what changed for a node since the first side


def parts(groups: Sequence[Group]) -> tuple[Part, ...]:
    """Return the parts of all sides, in the order in which they began. Raises RecordError, StoreError."""
    by_side = [[_named(seen.spans) for seen in group.looked_into] for group in groups]
    names = list(dict.fromkeys(name for runs in by_side for found in runs for name in found))[:_MOST]
    reasons = [_reasons(groups[0].newest, group.newest) for group in groups] if names else []
    return tuple(
        Part(
            name,
            kind,
            wall=row("wall", "s", [[_wall(found.get((kind, name))) for found in runs] for runs in by_side]),
            cpu=row("cpu", "s", [[_cpu(found.get((kind, name))) for found in runs] for runs in by_side]),
            memory_peak=row(
                "memory_peak", "B", [[_peak(found.get((kind, name))) for found in runs] for runs in by_side]
            ),
            reasons=tuple(known.get(name, ()) if kind == NODE else () for known in reasons),
        )
        for kind, name in names
    )


def _named(spans: Sequence[Span]) -> Mapping[tuple[str, str], list[Span]]:
    """Return the nodes by name; where there are none, the spans that are within no other."""
    nodes = [span for span in spans if span.kind == NODE]
    found: defaultdict[tuple[str, str], list[Span]] = defaultdict(list)
    for span in nodes or [span for span in spans if span.parent is None]:
        found[span.kind, span.name].append(span)
    return found


def _wall(spans: Sequence[Span] | None) -> Figure | None:
    lasted = [span.end - span.start for span in spans or () if span.end is not None]
    return Figure(sum(lasted), "s", "exact") if lasted else None


def _cpu(spans: Sequence[Span] | None) -> Figure | None:
    known = [span.cpu for span in spans or () if span.cpu is not None and span.cpu.value is not None]
    if len(known) == 1 or not known:
        return known[0] if known else None
    exact = all(figure.method == "exact" for figure in known)
    return Figure(sum(figure.value or 0 for figure in known), "s", "exact" if exact else "estimate")


def _peak(spans: Sequence[Span] | None) -> Figure | None:
    known = [span.memory_peak for span in spans or () if span.memory_peak is not None]
    return max(known, key=lambda figure: figure.value or 0, default=None)


def _reasons(then: Seen, now: Seen) -> dict[str, tuple[str, ...]]:
    """Return what changed for nodes from one run to another, by node."""
    if then is now or not (_has_plans(then) and _has_plans(now)):
        return {}
    found = changes_between(RunFolder(then.run.path), RunFolder(now.run.path))
    return {each.node: each.reasons for each in found if each.since is not None}


def _has_plans(seen: Seen) -> bool:
    return seen.run.log is None and has_plans(seen.run.path)
