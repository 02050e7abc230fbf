"""A comparison for programs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from vestige.report.compare_words import sentence

if TYPE_CHECKING:
    from vestige.compare.comparison import Comparison
    from vestige.compare.figures import Row

SCHEMA = "vestige.comparison/1"


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Return everything that a comparison knows."""
    return {
        "schema": SCHEMA,
        "sides": [dataclasses.asdict(side) for side in comparison.sides],
        "same": comparison.same,
        "noise": comparison.noise,
        "explanations": [
            {**dataclasses.asdict(each), "sentence": sentence(comparison, each)} for each in comparison.explanations
        ],
        "figures": list(map(_row, comparison.figures)),
        "differences": [dataclasses.asdict(each) for each in comparison.differences],
        "left_out": comparison.left_out,
        "parts": [
            {
                "name": part.name,
                "kind": part.kind,
                "reasons": part.reasons,
                "figures": [_row(row) for row in (part.wall, part.cpu, part.memory_peak)],
            }
            for part in comparison.parts
        ],
        "looked_into": comparison.looked_into,
    }


def _row(row: Row) -> dict[str, Any]:
    """Return a figure: of each side its value, how it was got, and how it stands to the first."""
    return {"name": row.name, "unit": row.unit, "mixed": row.mixed, "sides": [
        {
            "figure": None if sample.figure is None else dataclasses.asdict(sample.figure),
            "values": sample.values,
            "methods": sample.methods,
            "ratio": None if against is None else against.ratio,
            "band": None if against is None else against.band,
            "verdict": None if against is None else against.verdict,
        }
        for sample, against in zip(row.samples, row.against, strict=True)
    ]}  # fmt: skip
