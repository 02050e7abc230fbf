"""Graphs of nodes and datasets as text: for Graphviz, and as a tree for a terminal."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from vestige.report.paint import PLAIN, Paint
from vestige.report.pipelines import in_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.report.dag import Dag, Vertex

_DEEPEST = 12  # levels that are indented
_NAMED = 3  # others that a node comes after


def dot_lines(dags: Sequence[Dag], title: str) -> Iterator[str]:
    """Yield graphs as Graphviz text: bold is the critical path, dashed did not run."""
    yield "digraph run {"
    yield "  rankdir=LR;"
    yield f"  label={_quoted(title)};"
    yield '  node [fontname="sans-serif"];'
    for number, dag in enumerate(dags):
        yield f"  subgraph cluster_{number} {{"
        yield f"    label={_quoted(f'{dag.title}: {dag.words}')};"
        for place, vertex in enumerate(dag.vertices):
            yield f"    v{number}_{place} [{_shape(vertex)}];"
        for arrow in dag.arrows:
            bold = " [penwidth=3]" if dag.is_critical(arrow) else ""
            yield f"    v{number}_{arrow[0]} -> v{number}_{arrow[1]}{bold};"
        yield "  }"
    yield "}"


def tree_lines(dag: Dag, *, paint: Paint = PLAIN) -> Iterator[str]:
    """Yield the nodes of a graph, each below one that it comes after, which it shares the most with."""
    yield f"{paint.bold(dag.title)}  {dag.words}"
    before = _nodes_before(dag)
    order = [place for place in in_order(before) if dag.vertices[place].kind == "node"]
    rank = {place: number for number, place in enumerate(order)}
    below: defaultdict[int | None, list[int]] = defaultdict(list)
    for place in order:
        earlier = [one for one in before[place] if rank[one] < rank[place]]
        below[max(earlier, key=lambda one: (dag.vertices[one].critical, rank[one]), default=None)].append(place)
    todo: list[tuple[int, int, int | None]] = [(root, 0, None) for root in reversed(below[None])]
    while todo:
        place, depth, above = todo.pop()
        others = [dag.vertices[one].name for one in before[place] if one != above]
        yield _line(dag.vertices[place], depth, others, paint)
        todo += [(child, depth + 1, place) for child in reversed(below[place])]


def _nodes_before(dag: Dag) -> list[list[int]]:
    """Return for each vertex the nodes that it comes after, whatever datasets are between."""
    direct = dag.before()
    is_node = [vertex.kind == "node" for vertex in dag.vertices]
    makers: list[list[int]] = [[] for _ in dag.vertices]
    for place in in_order(direct):
        found = (maker for one in direct[place] for maker in ([one] if is_node[one] else makers[one]))
        makers[place] = [one for one in dict.fromkeys(found) if one != place]
    return makers


def _line(vertex: Vertex, depth: int, others: Sequence[str], paint: Paint) -> str:
    mark = "*" if vertex.critical else " "
    after = ", ".join(others[:_NAMED]) + (f" and {len(others) - _NAMED} more" if len(others) > _NAMED else "")
    line = f"{mark} {'  ' * min(depth, _DEEPEST)}{vertex.name}  {vertex.figures}"
    line = paint.bad(line) if vertex.status in ("failed", "unfinished") else line
    return line + (paint.dim(f"  (also after {after})") if others else "")


def _shape(vertex: Vertex) -> str:
    label = _quoted(f"{vertex.name}\n{vertex.figures}" if vertex.figures else vertex.name)
    if vertex.kind == "dataset":
        return f"shape=ellipse, label={label}{'' if vertex.kept else ', style=dotted'}"
    styles = {"not run": ", style=dashed", "failed": ", color=red", "unfinished": ", color=red"}
    return f"shape=box, label={label}{styles.get(vertex.status, '')}{', penwidth=3' if vertex.critical else ''}"


def _quoted(text: str) -> str:
    """Return a string as Graphviz reads it; the text is safe, but for line ends of our own."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
