"""Whatever a recorder wrote, or somebody in its name, files are made of it without a word of complaint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

from harness.written import Events, folder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vestige.finalising.finalise import finalise
from vestige.observe.touches import EVENTS
from vestige.record.model import FileClass
from vestige.store.runs import RunFolder

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

NAMES = st.sampled_from(
    (
        "/nonexistent/a",
        "/nonexistent/b",
        "/nonexistent",
        "/nonexistent/a/c",
        "a",
        "",
        "/",
        "//",
        "/dev/null",
        "..",
        '"/nonexistent/\\377"',
        '"',
        "/x\0y",
        "/\ud800",
        "/proc/self/mem",
        "pipe:[1]",
    )
)
NUMBERS = st.one_of(st.integers(0, 5), st.integers(), st.none(), st.booleans(), st.floats(allow_nan=False))
WORDS = st.one_of(NAMES, st.sampled_from(["read", "write", "both", "path", "file", "directory", "link", "fifo", "x"]))
FLAGS = st.one_of(st.booleans(), st.none())
STATES = st.one_of(
    st.fixed_dictionaries({}, optional=dict.fromkeys(("dev", "ino", "size", "mtime_ns", "ctime_ns"), NUMBERS)).flatmap(
        lambda state: WORDS.map(lambda word: {**state, "type": word})
    ),
    WORDS,
    st.lists(NUMBERS, max_size=2),
)
PLACE: dict[str, st.SearchStrategy[Any]] = {
    **{key: st.one_of(NAMES, NUMBERS) for key in ("path", "base", "real", "root")},
    **dict.fromkeys(("foreign", "absent", "denied"), FLAGS),
    "state": STATES,
}
KEYS: dict[str, st.SearchStrategy[Any]] = {
    **PLACE,
    "pid": NUMBERS,
    "start": NUMBERS,
    "access": WORDS,
    **dict.fromkeys(("create", "exclusive", "truncate", "append", "directory", "nofollow", "tmpfile"), FLAGS),
    **dict.fromkeys(("exchange", "noreplace"), FLAGS),
    "interpreters": st.one_of(st.lists(st.one_of(NAMES, NUMBERS), max_size=3), NUMBERS),
    "to": st.one_of(st.fixed_dictionaries({}, optional=PLACE), NUMBERS, st.none()),
    "descriptors": st.one_of(
        st.lists(st.one_of(st.fixed_dictionaries({"kind": WORDS}, optional=PLACE), NUMBERS), max_size=3), NUMBERS
    ),
}
EVENT = st.tuples(st.sampled_from((*EVENTS, "exec", "exit")), st.fixed_dictionaries({}, optional=KEYS))
HONEST = st.tuples(
    st.sampled_from(("open", "rename", "link", "unlink", "mkdir", "final")),
    st.fixed_dictionaries(
        {
            "pid": st.just(1000),
            "path": st.sampled_from(["/nonexistent", "/nonexistent/a", "/nonexistent/a/c", "/nonexistent/b"]),
            "to": st.fixed_dictionaries(
                {"path": st.sampled_from(["/nonexistent/a", "/nonexistent/b", "/nonexistent/b/c"])},
                optional={"absent": FLAGS, "state": STATES},
            ),
            "access": st.sampled_from(["read", "write", "both"]),
            "state": st.fixed_dictionaries(
                {"type": st.sampled_from(["file", "directory"]), "ino": st.integers(1, 3), "dev": st.just(1)}
            ),
        },
        optional={"create": FLAGS, "exchange": FLAGS},
    ),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(EVENT, HONEST), max_size=12))
def test_never_raises(tmp_path_factory: pytest.TempPathFactory, given_events: list[tuple[str, dict[str, Any]]]) -> None:
    tmp_path: Path = tmp_path_factory.mktemp("any")
    events = Events().opening()
    for name, keys in given_events:
        keys.pop("t", None)
        events.add(name, 5_000_000, **keys)
    events.end(600_000_000)
    run = folder(tmp_path, events)
    record = finalise(run)
    uses = list(RunFolder(run).files())
    assert sum(count.count for count in record.files.values()) <= len(uses)  # folders are not counted
    assert len({use.path for use in uses}) == len(uses)
    assert {use.kind for use in uses} <= set(get_args(FileClass))
    assert all(json.dumps(use.path) for use in uses)
