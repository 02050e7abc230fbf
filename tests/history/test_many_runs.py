"""The store of the bench's section `history`, a small one: what it is asked there has answers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.kept import Store

from vestige.history import summaries, where
from vestige.history.all_runs import AllRuns
from vestige.history.index import open_index
from vestige.record import codec
from vestige.store.runs import RunFolder

if TYPE_CHECKING:
    import pytest

BENCH = Path(__file__).parent.parent.parent / "bench"


def test_the_bench_asks_what_can_be_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(BENCH)])
    import many_runs  # noqa: PLC0415 - only from there

    one = Store(tmp_path / "one")
    template = codec.record_to_json(RunFolder(str(one.folder(one.run()))).load())
    store = Store(tmp_path / "many")
    many_runs.make(str(store.path), 200, template, now=1_790_000_000, files=5)
    seen = open_index(AllRuns(store.runs, ()))
    assert seen.problems == []
    assert seen.count() == 200
    condition = where.parse("peak_memory > 2GB and command ~ 'kedro'")
    assert 0 < seen.count(condition) < 100
    found = summaries.summaries(seen)
    assert len(found) == len(many_runs.PROGRAMS)
    assert sum(each.count for each in found) == 200
    assert all(each.measures["wall"].trend is None for each in found)
