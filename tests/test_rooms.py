"""The rooms of the package: nothing goes round in a circle, and docs/design.md shows them as they are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "vestige"
ENTRANCES = {"__init__", "__main__", "_version"}  # the package's face, what starts it, a constant


def test_a_room_imports_only_from_those_below_it_in_the_design() -> None:
    floors = rooms_of_the_design()
    upward = {
        f"{path.relative_to(PACKAGE)} imports {room}"
        for path in PACKAGE.rglob("*.py")
        for room in imported(path) - ENTRANCES
        if room_of(path) not in ENTRANCES
        and room != room_of(path)
        and floors.index(room) <= floors.index(room_of(path))
    }
    assert not upward


def test_the_design_names_every_room_once() -> None:
    there = {room_of(path) for path in PACKAGE.rglob("*.py")}
    assert sorted(rooms_of_the_design()) == sorted(there - ENTRANCES)


def rooms_of_the_design() -> list[str]:
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `(\w+)` \|", text.partition("## The rooms")[2].partition("\n## ")[0], re.MULTILINE)


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Return the rooms that a module imports from, at its top, within functions, and for types only."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    parts = [name.split(".") for name in names if name.startswith("vestige.")]
    return {part[1] for part in parts if (PACKAGE / part[1]).is_dir() or (PACKAGE / f"{part[1]}.py").is_file()}
