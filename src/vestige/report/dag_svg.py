"""Graphs of nodes and datasets as SVG: one file that needs nothing else, for light and dark, and without colours.

Strong lines are the critical path, a bar in a box is its share of the longest node's time, dashes are what did not run.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from vestige.report.dag_layout import Box, layout
from vestige.report.plot_canvas import columns_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.report.dag import Dag, Vertex
    from vestige.report.dag_layout import Layout

_LETTER = 7.0  # pixels, of a name
_SMALL = 6.2  # of figures
_LONGEST = 34  # letters of a name
_PADDING = 12.0  # within a box
_NODE, _DATASET = 48.0, 34.0  # heights
_ACROSS = (56.0, 14.0)  # between columns, and below each box
_DOWN = (40.0, 22.0)  # between rows, and beside each box
_SHAPE = 1.5  # width by height: what a page has room for
_MARGIN, _HEAD, _FOOT = 20.0, 52.0, 30.0
_STYLE = """\
svg { color: #1b1b1b; background: #ffffff; font-family: system-ui, "DejaVu Sans", sans-serif; font-size: 12px; }
text { fill: currentColor; text-anchor: middle; }
.name { font-weight: 600; } .small { font-size: 10.5px; } .head { text-anchor: start; font-size: 15px; }
.note { text-anchor: start; font-size: 11px; }
.paper { fill: #ffffff; } .box { stroke: currentColor; stroke-width: 1.2; } .critical .box { stroke-width: 3; }
.missing { stroke-dasharray: 6 4; } .memory { stroke-dasharray: 2 2; } .box.bad { stroke: #b3261e; stroke-width: 3; }
.arrow { fill: none; stroke: currentColor; opacity: 0.55; } .arrow.critical { stroke-width: 3; opacity: 1; }
.rail { fill: currentColor; opacity: 0.15; } .bar { fill: currentColor; opacity: 0.75; } .tip { fill: currentColor; }
@media (prefers-color-scheme: dark) {
  svg { color: #e9e9e9; background: #17191c; } .paper { fill: #17191c; } .box.bad { stroke: #ff8a80; }
}
"""
_NOTE = "thick, *: critical path; bar: time beside the longest; dashed: did not run; oval: dataset, dotted: in memory"


def svg(dags: Sequence[Dag], title: str, *, within_page: bool = False) -> str:
    """Return graphs below each other as an SVG document; `within_page`: as a part of HTML, which gives it its style.

    Raises VestigeError if they are too large to be laid out.
    """
    placed = [(dag, _placed(dag)) for dag in dags]
    width = max([_MARGIN * 2 + max(found.width for _, found in placed), len(_NOTE) * _SMALL])
    height = sum(found.height + _HEAD + _MARGIN for _, found in placed) + _FOOT
    style = "" if within_page else _STYLE
    return "\n".join(_document(placed, title, style, (width, height))) + "\n"


def _placed(dag: Dag) -> Layout:
    """Return the graph from left to right or from top to bottom, whichever needs less of a page."""
    boxes = [_box(vertex) for vertex in dag.vertices]
    turned = [Box(box.height, box.width) for box in boxes]
    across = layout(boxes, dag.arrows, between=_ACROSS[0], gap=_ACROSS[1])
    down = layout(turned, dag.arrows, between=_DOWN[0], gap=_DOWN[1]).turned()
    return min((down, across), key=lambda found: max(found.width, found.height * _SHAPE))


def _document(
    placed: Sequence[tuple[Dag, Layout]], title: str, style: str, extent: tuple[float, float]
) -> Iterator[str]:
    width, height = extent
    words = "; ".join(f"{dag.title}: {dag.words}" for dag, _ in placed)
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" class="dag" {size} role="img" aria-labelledby="dag-title dag-desc">'
    yield f'<title id="dag-title">{escape(title)}</title>'
    yield f'<desc id="dag-desc">{escape(words)}</desc>'
    if style:
        yield f"<style>\n{style}</style>"
    yield f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>'
    yield (
        '<defs><marker id="dag-tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
        'markerUnits="userSpaceOnUse" orient="auto"><path class="tip" d="M0 0 L8 4 L0 8 z"/></marker></defs>'
    )
    top = 0.0
    for dag, found in placed:
        yield f'<g transform="translate({_MARGIN:.0f} {top:.1f})">'
        yield f'<text class="head name" x="0" y="24">{escape(dag.title)}</text>'
        yield f'<text class="note" x="0" y="40">{escape(dag.words)}</text>'
        yield f'<g transform="translate(0 {_HEAD:.0f})">'
        yield from _graph(dag, found)
        yield "</g></g>"
        top += found.height + _HEAD + _MARGIN
    yield f'<text class="note" x="{_MARGIN:.0f}" y="{height - 12:.0f}">{escape(_NOTE)}</text>'
    yield "</svg>"


def _graph(dag: Dag, found: Layout) -> Iterator[str]:
    for arrow, line in zip(dag.arrows, found.lines, strict=True):
        kind = "arrow critical" if dag.is_critical(arrow) else "arrow"
        yield f'<path class="{kind}" marker-end="url(#dag-tip)" d="{_curve(line, found)}"/>'
    for vertex, centre in zip(dag.vertices, found.centres, strict=True):
        yield from _node(vertex, *centre) if vertex.kind == "node" else _dataset(vertex, *centre)


def _curve(points: Sequence[tuple[float, float]], found: Layout) -> str:
    """Return a line that leaves and arrives straight, bent between columns or rows only."""
    words = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for number, ((x, y), (to_x, to_y)) in enumerate(pairwise(points)):
        end = f"{to_x:.1f} {to_y:.1f}"
        if number % 2:  # through a column or a row
            words.append(f"L{end}")
        elif found.is_down:
            words.append(f"C{x:.1f} {(y + to_y) / 2:.1f} {to_x:.1f} {(y + to_y) / 2:.1f} {end}")
        else:
            words.append(f"C{(x + to_x) / 2:.1f} {y:.1f} {(x + to_x) / 2:.1f} {to_y:.1f} {end}")
    return " ".join(words)


def _node(vertex: Vertex, x: float, y: float) -> Iterator[str]:
    width = _box(vertex).width
    left, top = x - width / 2, y - _NODE / 2
    kinds = ["box", "paper"]
    kinds += ["bad"] if vertex.status in ("failed", "unfinished") else []
    kinds += ["missing"] if vertex.status == "not run" else []
    rail = width - 2 * _PADDING
    yield f'<g class="node{" critical" if vertex.critical else ""}"><title>{escape(vertex.words)}</title>'
    place = f'x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{_NODE:.0f}"'
    yield f'<rect class="{" ".join(kinds)}" {place} rx="4"/>'
    yield f'<text class="name" x="{x:.1f}" y="{top + 17:.1f}">{escape(_name(vertex))}</text>'
    yield f'<text class="small" x="{x:.1f}" y="{top + 31:.1f}">{escape(_figures(vertex))}</text>'
    if vertex.status != "not run":
        at = f'x="{left + _PADDING:.1f}" y="{top + 37:.1f}"'
        yield f'<rect class="rail" {at} width="{rail:.1f}" height="5"/>'
        yield f'<rect class="bar" {at} width="{max(rail * min(vertex.share, 1.0), 1.0):.1f}" height="5"/>'
    yield "</g>"


def _dataset(vertex: Vertex, x: float, y: float) -> Iterator[str]:
    width = _box(vertex).width
    kind = "box paper" if vertex.kept else "box paper memory"
    at = f'x="{x - width / 2:.1f}" y="{y - _DATASET / 2:.1f}"'
    yield f'<g class="dataset"><title>{escape(vertex.words)}</title>'
    yield f'<rect class="{kind}" {at} width="{width:.1f}" height="{_DATASET:.0f}" rx="{_DATASET / 2:.0f}"/>'
    lines = list(filter(None, (_name(vertex), _figures(vertex))))
    first = y + 4 if len(lines) == 1 else y - 2
    for number, line in enumerate(lines):
        small = ' class="small"' if number else ""
        yield f'<text{small} x="{x:.1f}" y="{first + number * 13:.1f}">{escape(line)}</text>'
    yield "</g>"


def _box(vertex: Vertex) -> Box:
    is_node = vertex.kind == "node"
    letters = max(
        columns_of(_name(vertex)) * _LETTER * (1.08 if is_node else 1.0), columns_of(_figures(vertex)) * _SMALL
    )
    return Box(letters + 2 * _PADDING, _NODE if is_node else _DATASET)


def _figures(vertex: Vertex) -> str:
    return vertex.figures.replace("  ", " · ")


def _name(vertex: Vertex) -> str:
    mark = "* " if vertex.critical and vertex.kind == "node" else ""
    if len(vertex.name) <= _LONGEST:
        return mark + vertex.name
    return f"{mark}{vertex.name[: _LONGEST * 2 // 3]}…{vertex.name[-_LONGEST // 3 :]}"
