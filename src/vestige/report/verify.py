"""How a repeated run compares with the original, in words and as JSON."""

from __future__ import annotations

import dataclasses
import statistics
from typing import TYPE_CHECKING, Any

from vestige.quantity import amount, shown
from vestige.record.place import short_id
from vestige.text import from_os
from vestige.words import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vestige.contents.comparison import Comparison
    from vestige.git.verifying.verify import Repetition
    from vestige.record.model import Package
    from vestige.report.paint import Paint

_RESOURCES = ("wall", "cpu", "memory_peak")
_GOOD = ("identical", "equal")
_MANY = 20  # identical files that are counted instead of listed


def lines(repetitions: Sequence[Repetition], paint: Paint) -> Iterator[str]:
    """Yield the report on one run that was repeated, once or several times."""
    first = repetitions[0]
    good = all(repetition.repeats for repetition in repetitions)
    tail = _headline(repetitions)
    yield paint.bold(f"verify {safe(first.original.name)}") + (paint.bold if good else paint.bad)(f"  ·  {tail}")
    yield from _outputs(repetitions, paint)
    for repetition in repetitions:
        if repetition.record.exit.code != (repetition.original.exit or 0):
            yield paint.bad(f"  exit code {repetition.record.exit.code} now, {repetition.original.exit} then")
    yield from (f"  not the same to begin with: {safe(words)}" for words in dict.fromkeys(_problems(repetitions)))
    yield from (f"  other software: {safe(words)}" for words in _software(first))
    yield from (f"  {name:<11} {words}" for name, words in _resources(repetitions))
    yield paint.dim(f"  vestige show {short_id(first.record.id)}" + ("" if good else "  ·  --keep leaves the files"))


def as_json(repetitions: Sequence[Repetition]) -> dict[str, Any]:
    """Return the same for programs."""
    first = repetitions[0]
    return {
        "original": first.original.name,
        "repeats": all(repetition.repeats for repetition in repetitions),
        "exit": first.original.exit,
        "repetitions": [
            {
                "run": repetition.record.id,
                "exit": repetition.record.exit.code,
                "repeats": repetition.repeats,
                "outputs": {from_os(path): dataclasses.asdict(found) for path, found in repetition.outputs.items()},
                "problems": list(repetition.problems),
            }
            for repetition in repetitions
        ],
        "software": list(_software(first)),
        "resources": dict(_resources(repetitions)),
    }


def _headline(repetitions: Sequence[Repetition]) -> str:
    paths = [path for path, found in repetitions[0].outputs.items() if found.verdict != "new"]
    good = sum(all(_is_good(repetition, path) for repetition in repetitions) for path in paths)
    times = "" if len(repetitions) == 1 else f" in all of {len(repetitions)} repetitions"
    if not paths:
        return "it left nothing to compare"
    return f"{good} of {len(paths)} {'output repeats' if len(paths) == 1 else 'outputs repeat'}{times}"


def _is_good(repetition: Repetition, path: str) -> bool:
    found = repetition.outputs.get(path)
    return found is not None and found.verdict in _GOOD


def _outputs(repetitions: Sequence[Repetition], paint: Paint) -> Iterator[str]:
    """Yield a line an output: the worst that was found, and how often."""
    paths = dict.fromkeys(path for repetition in repetitions for path in repetition.outputs)
    same = [path for path in paths if all(_verdict(repetition, path) == "identical" for repetition in repetitions)]
    hidden = set(same) if len(same) > _MANY else set()
    if hidden:
        yield f"  identical   {len(hidden)} files"
    for path in paths:
        if path not in hidden:
            found = [repetition.outputs[path] for repetition in repetitions if path in repetition.outputs]
            worst = next((one for one in found if one.verdict not in _GOOD), None)
            worst = worst or next((one for one in found if one.verdict == "equal"), found[0])
            times = sum(one.verdict == worst.verdict for one in found)
            often = f" ({times} of {len(repetitions)} times)" if times < len(repetitions) else ""
            mark = paint.bad if worst.verdict in ("different", "missing") else str
            yield f"  {mark(f'{worst.verdict:<11}')} {safe(from_os(path))}{often}{_why(worst)}"


def _verdict(repetition: Repetition, path: str) -> str:
    found = repetition.outputs.get(path)
    return "" if found is None else found.verdict


def _why(found: Comparison) -> str:
    words = ": ".join(filter(None, (found.reason, found.detail)))
    return f"  {words}" if words else ""


def _problems(repetitions: Sequence[Repetition]) -> Iterator[str]:
    return (words for repetition in repetitions for words in repetition.problems)


def _software(repetition: Repetition) -> Iterator[str]:
    """Yield packages that are not of the version that they were of then."""
    original = repetition.original.record
    if original is None:
        return
    then, now = _versions(original.software), _versions(repetition.record.software)
    for name in sorted(then.keys() | now.keys()):
        if then.get(name) != now.get(name):
            yield f"{name} {then.get(name) or 'not used'} then, {now.get(name) or 'not used'} now"


def _versions(packages: Sequence[Package]) -> Mapping[str, str]:
    return {f"{package.kind}:{package.name}": package.version or "?" for package in packages}


def _resources(repetitions: Sequence[Repetition]) -> Iterator[tuple[str, str]]:
    """Yield name and words for the figures that matter: then, and now."""
    original = repetitions[0].original
    for name in _RESOURCES:
        then = original.record.resources.get(name) if original.record is not None else None
        words = shown(then) if then is not None else _of_text(original.figures.get(name, ""))
        figures = [repetition.record.resources.get(name) for repetition in repetitions]
        values = [figure.value for figure in figures if figure is not None and figure.value is not None]
        unit = next((figure.unit for figure in figures if figure is not None), "1")
        if not values:
            continue
        now = amount(statistics.median(values), unit)
        if len(values) > 1:
            now += f" ({amount(min(values), unit)}\u2013{amount(max(values), unit)})"
        yield name.replace("_", " "), f"{words or 'unknown'} then, {now} now"


def _of_text(figure: str) -> str:
    """Return a figure as a commit has it, `12.4 s exact`, without how it was got."""
    value, _, rest = figure.partition(" ")
    try:
        return amount(float(value), "1" if rest.startswith(("exact", "bound", "sampled")) else rest.split(" ")[0])
    except (ValueError, IndexError):
        return ""
