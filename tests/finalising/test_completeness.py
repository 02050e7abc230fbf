"""What a record says of files and connections that may have been missed."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

import pytest
from harness.written import COMMAND, MS, RECORDER, Events, age, folder

from vestige.finalising.finalise import finalise

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vestige.record.model import Completeness

WHO = {"pid": COMMAND, "tid": COMMAND}


def run(*, trace: dict[str, Any] | None = None, **begin: Any) -> Events:
    """Give a run up to its last events."""
    events = Events().begin(**begin)
    events.add("trace", MS, **(trace or {"state": "on"})).add("start", MS, pid=COMMAND)
    events.exec(2 * MS, COMMAND, ["make"], ppid=RECORDER)
    return events


def over(events: Events, **end: Any) -> Events:
    events.exit(500 * MS, COMMAND, ppid=RECORDER).reap(501 * MS, COMMAND)
    return events.end(501 * MS, **{"repeats": 0, "unlisted": 0, **end})


def completeness(tmp_path: Path, events: Events) -> Completeness:
    found = finalise(folder(tmp_path, events)).completeness
    assert found is not None
    return found


def test_nothing_was_missed(tmp_path: Path) -> None:
    found = completeness(tmp_path, over(run()))
    assert (found.files, found.gaps) == ("complete", ())


@pytest.mark.parametrize(
    ("trace", "begin", "what", "words"),
    [
        ({"state": "off", "reason": "turned off"}, {}, "trace", "tracing was turned off"),
        ({"state": "unavailable", "reason": "a seccomp profile forbids it"}, {}, "trace", "seccomp profile"),
        ({"state": "unavailable", "errno": errno.EBUSY}, {}, "nested", "around this run"),
        ({"state": "unavailable"}, {"observer": "portable"}, "portable", "recorder"),
    ],
)
def test_nobody_watched(tmp_path: Path, trace: dict[str, Any], begin: dict[str, Any], what: str, words: str) -> None:
    found = completeness(tmp_path, over(run(trace=trace, **begin)))
    (gap,) = found.gaps
    assert (found.files, gap.what) == ("none", what)
    assert words in gap.reason
    assert gap.remedy


def test_a_recorder_that_knew_nothing_of_files(tmp_path: Path) -> None:
    assert completeness(tmp_path, over(run(), repeats=None, unlisted=None)).files == "none"


FOREIGN = {"path": "/x", "real": "/x", "foreign": True, "access": "read"}


@pytest.mark.parametrize(
    ("what", "add", "end"),
    [
        ("io_uring", lambda events: events.add("mark", 3 * MS, **WHO, what="io_uring"), {}),
        ("takeover", lambda events: events.add("takeover", 3 * MS, reason="killed"), {}),
        ("namespace", lambda events: events.add("open", 3 * MS, **WHO, **FOREIGN), {}),
        ("late", lambda events: events.add("survivor", 400 * MS, pid=1234, ppid=1, comm="daemon"), {}),
        ("dropped", lambda events: events, {"dropped": 2}),
        ("unreadable", lambda events: events, {"lost": 1}),
        ("unlisted", lambda events: events, {"unlisted": 3}),
    ],
)
def test_a_part_was_missed(tmp_path: Path, what: str, add: Callable[[Events], Events], end: dict[str, Any]) -> None:
    found = completeness(tmp_path, over(add(run()), **end))
    assert (found.files, [gap.what for gap in found.gaps]) == ("partial", [what])
    assert not found.gaps[0].reason.endswith(".")


def test_a_race_of_the_first_exec_with_the_naming_of_survivors(tmp_path: Path) -> None:
    who = {"pid": 1234, "ppid": 1, "start": 7}
    events = (
        run().add("survivor", 400 * MS, **who, comm="sh").add("exec", 401 * MS, **who, argv=["sleep", "60"], argc=2)
    )
    path = folder(tmp_path, over(events))
    record = finalise(path)
    assert [(survivor.pid, survivor.argv) for survivor in record.survivors] == [(1234, ("sleep", "60"))]
    assert record.completeness is not None
    assert record.completeness.files == "partial"


def test_what_was_refused_is_no_gap(tmp_path: Path) -> None:
    events = run().add("mark", 3 * MS, **WHO, what="io_uring", refused=True).add("mark", 3 * MS, **WHO, what="odd")
    assert completeness(tmp_path, over(events)).files == "complete"


def test_an_interrupted_run(tmp_path: Path) -> None:
    path = folder(tmp_path, run())
    age(path)
    found = finalise(path).completeness
    assert found is not None
    assert (found.files, [gap.what for gap in found.gaps]) == ("partial", ["interrupted"])
