"""Where the vertices of a graph stand: in columns by how far they are from the start, with few arrows crossing.

The method of Sugiyama: columns by the longest path, places that long arrows pass through, each column in the order of
the mean of its neighbours, swept to and fro. The same graph always gives the same picture.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from vestige.errors import VestigeError
from vestige.report.pipelines import in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 20_000  # boxes
_PASSED = 30_000  # points that arrows pass through: the longest arrows beyond go straight, behind what is in their way
_SWEEPS = 12
_EFFORT = 40_000  # places that are looked at in all sweeps: a large graph gets fewer
_SETTLINGS = 16


@dataclass(frozen=True, slots=True)
class Box:
    """How large a vertex is."""

    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands, from the top left corner."""

    centres: tuple[tuple[float, float], ...]  # of the vertices
    lines: tuple[tuple[tuple[float, float], ...], ...]  # of the arrows: from side to side, through points between
    width: float
    height: float
    is_down: bool = False  # from top to bottom, not from left to right

    def turned(self) -> Layout:
        """Return it with its columns as rows."""
        lines = tuple(tuple((y, x) for x, y in line) for line in self.lines)
        return Layout(tuple((y, x) for x, y in self.centres), lines, self.height, self.width, not self.is_down)


@dataclass(slots=True)
class _Grid:
    """The columns, from left to right; places past those of the vertices are points that arrows pass through."""

    column: list[int]
    heights: list[float]
    columns: list[list[int]]
    before: list[list[int]]
    after: list[list[int]]
    chains: list[list[int]]  # for each arrow the places that it passes through, its ends included


def layout(boxes: Sequence[Box], arrows: Sequence[tuple[int, int]], *, between: float, gap: float) -> Layout:
    """Return where boxes stand, with room `between` columns and a `gap` below each box.

    Arrows go from left to right; those of a circle may go back. Raises VestigeError if there are too many.
    """
    column = _columns(len(boxes), arrows)
    grid = _grid(boxes, column, arrows)
    _sort(grid)
    ys = _ys(grid, gap)
    widths = [0.0] * len(grid.columns)
    for place, box in enumerate(boxes):
        widths[column[place]] = max(widths[column[place]], box.width)
    lefts = [sum(widths[:number]) + between * number for number in range(len(widths))]
    lines = [_line(chain, boxes, grid, ys, (lefts, widths)) for chain in grid.chains]
    centres = tuple((lefts[column[place]] + widths[column[place]] / 2, ys[place]) for place in range(len(boxes)))
    bottom = max((ys[place] + grid.heights[place] / 2 for place in range(len(ys))), default=0.0)
    return Layout(centres, tuple(lines), (lefts[-1] + widths[-1]) if lefts else 0.0, bottom)


def _columns(count: int, arrows: Sequence[tuple[int, int]]) -> list[int]:
    """Return the column of each vertex: after all that it comes from, and near to what it leads to."""
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for source, target in arrows:
        before[target].append(source)
        after[source].append(target)
    order = in_order(before)
    rank = {place: number for number, place in enumerate(order)}
    column = [0] * count
    for place in order:
        column[place] = max((column[one] + 1 for one in before[place] if rank[one] < rank[place]), default=0)
    for place in order:  # what nothing leads to stands just before where it is needed
        if not before[place] and after[place]:
            column[place] = max(min(column[one] for one in after[place]) - 1, 0)
    return column


def _grid(boxes: Sequence[Box], column: Sequence[int], arrows: Sequence[tuple[int, int]]) -> _Grid:
    if len(boxes) > MOST:
        raise VestigeError(f"a graph of {len(boxes)} boxes is too large to be drawn: `.dot` takes it")
    grid = _Grid(list(column), [box.height for box in boxes], [], [[] for _ in boxes], [[] for _ in boxes], [])
    led = _led(column, arrows)
    for number, (source, target) in enumerate(arrows):
        step = 1 if column[target] >= column[source] else -1
        passed = range(column[source] + step, column[target], step) if number in led else range(0)
        chain = [source, *range(len(grid.column), len(grid.column) + len(passed)), target]
        grid.column += passed
        grid.heights += [0.0] * len(passed)
        grid.before += [[] for _ in passed]
        grid.after += [[] for _ in passed]
        for one, other in pairwise(chain):
            left, right = (one, other) if step > 0 else (other, one)
            grid.after[left].append(right)
            grid.before[right].append(left)
        grid.chains.append(chain)
    grid.columns = [[] for _ in range(max(grid.column, default=-1) + 1)]
    for place in _by_depth(grid):
        grid.columns[grid.column[place]].append(place)
    return grid


def _led(column: Sequence[int], arrows: Sequence[tuple[int, int]]) -> set[int]:
    """Return the places of the arrows that are led between boxes: the shorter ones, as many as there is room for."""
    lengths = [abs(column[target] - column[source]) for source, target in arrows]
    led: set[int] = set()
    room = _PASSED
    for number in sorted(range(len(arrows)), key=lambda number: lengths[number]):
        room -= lengths[number]
        if room < 0:
            break
        led.add(number)
    return led


def _by_depth(grid: _Grid) -> list[int]:
    """Return the places so that what belongs together stands together: depth first from the left."""
    seen: set[int] = set()
    order = []
    for root in sorted(range(len(grid.column)), key=lambda place: (bool(grid.before[place]), place)):
        todo = [root]
        while todo:
            place = todo.pop()
            if place not in seen:
                seen.add(place)
                order.append(place)
                todo += reversed(grid.after[place])
    return order


def _sort(grid: _Grid) -> None:
    """Bring each column into the order of its neighbours' means; the sweep with the fewest crossings stays."""
    best, fewest = [list(column) for column in grid.columns], _crossings(grid)
    for sweep in range(min(_SWEEPS, max(_EFFORT // max(len(grid.column), 1), 2))):
        if not fewest:
            break
        is_forth = sweep % 2 == 0
        numbers = range(1, len(grid.columns)) if is_forth else range(len(grid.columns) - 2, -1, -1)
        beside = grid.before if is_forth else grid.after
        for number in numbers:
            _sort_column(grid, number, beside)
        crossings = _crossings(grid)
        if crossings < fewest:
            best, fewest = [list(column) for column in grid.columns], crossings
    grid.columns = best


def _sort_column(grid: _Grid, number: int, beside: Sequence[Sequence[int]]) -> None:
    column = grid.columns[number]
    at = {place: index for neighbour in (number - 1, number + 1) if 0 <= neighbour < len(grid.columns)
          for index, place in enumerate(grid.columns[neighbour])}  # fmt: skip
    means = {}
    for index, place in enumerate(column):
        known = [at[one] for one in beside[place] if one in at]
        means[place] = sum(known) / len(known) if known else float(index)
    column.sort(key=lambda place: means[place])


def _crossings(grid: _Grid) -> int:
    """Return how many pairs of arrows cross between neighbouring columns."""
    count = 0
    for number, column in enumerate(grid.columns[:-1]):
        at = {place: index for index, place in enumerate(grid.columns[number + 1])}
        passed: list[int] = []
        for place in column:
            targets = sorted(at[one] for one in grid.after[place] if one in at)
            count += sum(len(passed) - bisect_right(passed, target) for target in targets)
            for target in targets:
                insort(passed, target)
    return count


def _ys(grid: _Grid, gap: float) -> list[float]:
    """Return the height at which each place stands: near the mean of its neighbours, in order, with room between."""
    ys = [0.0] * len(grid.column)
    for column in grid.columns:
        y = 0.0
        for place in column:
            ys[place] = y + grid.heights[place] / 2
            y += grid.heights[place] + gap
    for turn in range(_SETTLINGS):
        columns = grid.columns if turn % 2 == 0 else grid.columns[::-1]
        for column in columns:
            _settle(grid, column, ys, gap)
    top = min((ys[place] - grid.heights[place] / 2 for place in range(len(ys))), default=0.0)
    return [y - top for y in ys]


@dataclass(slots=True)
class _Block:
    """Places of a column that stand as close together as they may."""

    wanted: float  # where its first one wants to be
    places: list[int]
    length: float  # from its first to its last


def _settle(grid: _Grid, column: Sequence[int], ys: list[float], gap: float) -> None:
    """Move the places of a column to where they want to be; those that would touch stand together around their mean."""
    blocks: list[_Block] = []
    for place in column:
        beside = grid.before[place] + grid.after[place]
        wanted = sum(ys[one] for one in beside) / len(beside) if beside else ys[place]
        blocks.append(_Block(wanted, [place], 0.0))
        while len(blocks) > 1 and _joined(grid, blocks[-2], blocks[-1], gap):
            blocks.pop()
    for block in blocks:
        y = block.wanted
        for index, place in enumerate(block.places):
            y += _step(grid, block.places[index - 1], place, gap) if index else 0.0
            ys[place] = y


def _joined(grid: _Grid, upper: _Block, lower: _Block, gap: float) -> bool:
    """Add a block to the one above it if they would touch; say whether they did."""
    reach = upper.length + _step(grid, upper.places[-1], lower.places[0], gap)
    if upper.wanted + reach <= lower.wanted:
        return False
    counts = len(upper.places), len(lower.places)
    upper.wanted = (upper.wanted * counts[0] + (lower.wanted - reach) * counts[1]) / sum(counts)
    upper.places += lower.places
    upper.length = reach + lower.length
    return True


def _step(grid: _Grid, upper: int, lower: int, gap: float) -> float:
    return (grid.heights[upper] + grid.heights[lower]) / 2 + gap


def _line(
    chain: Sequence[int],
    boxes: Sequence[Box],
    grid: _Grid,
    ys: Sequence[float],
    across: tuple[list[float], list[float]],
) -> tuple[tuple[float, float], ...]:
    """Return the points of an arrow: from the right side of its source to the left side of its target."""
    lefts, widths = across
    points = []
    for index, place in enumerate(chain):
        left, width = lefts[grid.column[place]], widths[grid.column[place]]
        if 0 < index < len(chain) - 1:
            points += [(left, ys[place]), (left + width, ys[place])]
        else:
            half = boxes[place].width / 2
            points.append((left + width / 2 + (half if index == 0 else -half), ys[place]))
    return tuple(points)
