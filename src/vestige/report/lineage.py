"""Where a file comes from, or what came of it: a tree on the terminal, Graphviz text, nodes and edges as JSON."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vestige.quantity import number, size
from vestige.record.outcome import failed, outcome
from vestige.record.place import short_id
from vestige.report.files import hash_start, relative
from vestige.report.paint import PLAIN
from vestige.words import command, safe, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.history.lineage import FileVersion, Lineage, Link, Step
    from vestige.pipelines.plan import PlannedNode
    from vestige.report.paint import Paint

_COMMAND = 60  # letters of a command line
_COMMIT = 10  # letters of a commit's name
_NODES = 5  # of Kedro, shown below their run
_VALUE = 40  # letters of a parameter's value
_ENDS = 10  # files shown in a row that lead no further
_NAMED = 3  # runs named in one note
_DEEPEST = 40  # levels that are indented
_SEPARATOR = "  ·  "
_WORDS: dict[str, dict[str, str]] = {
    "back": {
        "changed": "changed since by somebody else, before that by",
        "perhaps": "perhaps by (there is no hash to compare)",
    },
    "forward": {
        "changed": "changed by somebody else, then read by",
        "perhaps": "perhaps read by (there is no hash to compare)",
        "other": "with other content than now:",
    },
}


@dataclass(frozen=True, slots=True)
class _Branch:
    """A file or a run in the tree, and how it hangs together with what is above it."""

    node: FileVersion | Step
    words: str = ""


class _Tree:
    """A lineage as a tree: what is below each node, in the direction of the question."""

    def __init__(self, lineage: Lineage, here: str, paint: Paint) -> None:
        self.here = here
        self.words = _WORDS[lineage.direction]
        self.paint = paint
        self.files = {node.id: node for node in lineage.files}
        self.runs = {node.id: node for node in lineage.runs}
        self.below: dict[str, list[tuple[str, Link]]] = {}
        back = lineage.direction == "back"
        for link in lineage.links:
            upper, lower = (link.target, link.source) if back else (link.source, link.target)
            self.below.setdefault(upper, []).append((lower, link))

    def lines(self, start: FileVersion) -> Iterator[str]:
        """Yield what is below `start`; what was shown before is not shown again."""
        shown = {start.id}
        todo = [("", branch) for branch in reversed(self._branches(start))]
        lasts = [len(todo)]
        while todo:
            indent, branch = todo.pop()
            lasts[-1] -= 1
            last = not lasts[-1]
            corner = indent + ("└─ " if last else "├─ ")
            if isinstance(branch, str):
                yield corner + self.paint.dim(branch)
                below: list[_Branch | str] = []
            else:
                again = branch.node.id in shown and branch.node.id in self.below
                yield corner + self._line(branch) + (self.paint.dim("  (as above)") if again else "")
                below = [] if again else self._branches(branch.node)
                shown.add(branch.node.id)
            while lasts and not lasts[-1]:
                lasts.pop()
            if below:
                inner = indent + ("   " if last else "│  ") if len(indent) < 3 * _DEEPEST else indent
                todo += [(inner, branch) for branch in reversed(below)]
                lasts.append(len(below))

    def _branches(self, node: FileVersion | Step) -> list[_Branch | str]:
        """Return what is below a node: what leads further, then a few of what does not, and how many more there are."""
        branches = list(self._below(node, frozenset()))
        nodes = list(node_words(self.runs[node.id], self.here)) if node.id in self.runs else []
        ends = [branch for branch in branches if branch.node.id not in self.below and branch.node.id in self.files]
        if len(ends) <= _ENDS + 1:
            return [*nodes, *branches]
        further = [branch for branch in branches if branch.node.id in self.below or branch.node.id in self.runs]
        return [*nodes, *further, *ends[:_ENDS], f"… and {number(len(ends) - _ENDS)} more files that lead no further"]

    def _below(self, node: FileVersion | Step, passed: frozenset[str]) -> Iterator[_Branch]:
        """Yield the runs below a file and the files below a run; steps between two versions become words."""
        for lower, link in self.below.get(node.id, ()):
            if lower in self.runs:
                yield _Branch(self.runs[lower])
            elif node.id in self.runs:
                yield _Branch(self.files[lower])
            elif lower not in passed:
                words = (
                    self.words.get(link.relation) or f"same content as {relative(self.files[lower].shown, self.here)}:"
                )
                for branch in self._below(self.files[lower], passed | {node.id, lower}):
                    yield _Branch(branch.node, f"{words} {branch.words}".rstrip())

    def _line(self, branch: _Branch) -> str:
        words = self.paint.dim(branch.words + " ") if branch.words else ""
        node = branch.node
        return words + (_run_words(self.runs[node.id], self.paint) if node.id in self.runs else self.file(node.id))

    def file(self, name: str) -> str:
        """Return a file in words."""
        node = self.files[name]
        return relative(node.shown, self.here) + ("" if node.size is None else f"  {size(node.size)}")


def tree_lines(lineage: Lineage, here: str, *, paint: Paint = PLAIN) -> Iterator[str]:
    """Yield the lineage as a tree; paths below `here`, a folder as text of the record, are relative to it."""
    tree = _Tree(lineage, here, paint)
    yield paint.bold(tree.file(lineage.start)) + "".join(_SEPARATOR + note for note in _notes(lineage))
    yield from tree.lines(tree.files[lineage.start])


def dot_lines(lineage: Lineage, here: str) -> Iterator[str]:
    """Yield the lineage as Graphviz text, time from left to right; what failed is red."""
    yield "digraph lineage {"
    yield "  rankdir=LR;"
    for node in lineage.files:
        label = relative(node.shown, here) + ("" if node.hash is None else f"\n{hash_start(node.hash)}")
        bold = ", style=bold" if node.id == lineage.start else ""
        yield f"  {node.id} [shape=note, label={_quoted(label)}{bold}];"
    for step in lineage.runs:
        label = f"{short_id(step.record.id)}\n{_command(step)}\n{outcome(step.record)}"
        colour = ", color=red" if failed(step.record) else ""
        yield f"  {step.id} [shape=box, label={_quoted(label)}{colour}];"
    for link in lineage.links:
        style = "" if link.relation in ("read", "wrote") else f" [style=dashed, label={_quoted(link.relation)}]"
        yield f"  {link.source} -> {link.target}{style};"
    yield "}"


def as_json(lineage: Lineage) -> dict[str, Any]:
    """Return nodes, edges in the direction of time, and what else is known."""
    files = [
        {
            "id": node.id,
            "type": "file",
            "path": node.path,
            "names": list(node.names),
            "hash": node.hash,
            "size": node.size,
            "class": node.kind,
        }
        for node in lineage.files
    ]
    edges = [{"from": link.source, "to": link.target, "relation": link.relation} for link in lineage.links]
    return {
        "direction": lineage.direction,
        "start": lineage.start,
        "standing": lineage.standing,
        "nodes": [*files, *map(_run_json, lineage.runs)],
        "edges": edges,
        "others": list(lineage.others),
        "remover": lineage.remover,
        "cut": lineage.cut,
    }


def _run_json(step: Step) -> dict[str, Any]:
    record = step.record
    return {
        "id": step.id,
        "type": "run",
        "run": record.id,
        "folder": step.folder,
        "argv": list(record.argv),
        "started": record.started,
        "ended": record.ended,
        "status": record.status,
        "exit_code": record.exit.code,
        "commit": record.code.commit if record.code is not None else None,
        "nodes": [_node_json(node) for node in step.nodes],
    }


def _node_json(node: PlannedNode) -> dict[str, Any]:
    code = node.code
    return {
        "name": node.name,
        "function": code and code.function,
        "file": code and code.file,
        "line": code and code.line,
        "code": code and code.hash,
        "inputs": list(node.inputs),
        "outputs": list(node.outputs),
        "parameters": {
            name: {"hash": known.hash, "value": None if known.text is None else json.loads(known.text)}
            for name, known in node.parameters.items()
        },
    }


def _notes(lineage: Lineage) -> Iterator[str]:
    """Yield what is to be said about the file that was asked about."""
    if lineage.standing == "gone":
        yield "not there now" if lineage.remover is None else f"removed by {safe(lineage.remover)}"
    if lineage.others and lineage.direction == "back":
        more = len(lineage.others) - _NAMED
        named = ", ".join(map(safe, lineage.others[:_NAMED]))
        yield f"also written by {named}" + (f" and {number(more)} more" if more > 0 else "")


def node_words(step: Step, here: str) -> Iterator[str]:
    """Yield the nodes of a run on the way, each with its code and parameters; of many, the first and how many more."""
    for node in step.nodes[:_NODES]:
        yield _SEPARATOR.join([f"node {safe(node.name)}", *_code_words(node, step, here), *_parameter_words(node)])
    if len(step.nodes) > _NODES:
        yield f"… and {number(len(step.nodes) - _NODES)} nodes before"


def _code_words(node: PlannedNode, step: Step, here: str) -> Iterator[str]:
    if node.code is None:
        return
    place = "" if node.code.file is None else f" at {safe(relative(node.code.file, here))}:{node.code.line}"
    yield f"{safe(node.code.function)}{place}"
    commit = step.record.code.commit if step.record.code is not None else None
    if node.code.hash is not None:
        yield f"code {hash_start(node.code.hash)}" + (f" (commit {safe(commit[:_COMMIT])})" if commit else "")


def _parameter_words(node: PlannedNode) -> Iterator[str]:
    for name, known in node.parameters.items():
        value = "" if known.text is None else f" = {shortened(known.text, _VALUE)}"
        yield safe(f"{name}{value}")


def _run_words(step: Step, paint: Paint) -> str:
    record = step.record
    ending = paint.bad(outcome(record)) if failed(record) else outcome(record)
    return _SEPARATOR.join([f"{paint.bold(short_id(record.id))}  {_command(step)}", ending, _moment(record.started)])


def _command(step: Step) -> str:
    return shortened(command(step.record.argv), _COMMAND)


def _moment(started: str) -> str:
    """Return a moment of the record in local time, to the minute."""
    moment = dt.datetime.fromisoformat(started.replace("Z", "+00:00"))
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def _quoted(text: str) -> str:
    """Return a string as Graphviz reads it."""
    lines = (safe(line).replace("\\", "\\\\").replace('"', '\\"') for line in text.split("\n"))
    return '"' + "\\n".join(lines) + '"'
