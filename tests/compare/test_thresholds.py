"""Where the rules of `causes` begin to hold, to a hair, and how a run's time is split."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest

from vestige.compare import causes
from vestige.compare.causes import Hint, Pair, Times, explain, is_cold, medians, times, used_storage
from vestige.compare.differences import Difference, Topic
from vestige.compare.figures import row
from vestige.compare.parts import Part
from vestige.record.model import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vestige.compare.figures import Verdict

WAITS = {"run_queue_wait": 0.0, "read_bytes": 0.0, "written_bytes": 0.0}
QUIET = {"wall": 10.0, "cpu": 10.0, **WAITS}


def pair(
    then: Mapping[str, float], now: Mapping[str, float], *differences: Difference, parts: tuple[Part, ...] = ()
) -> Pair:
    return Pair(then, now, differences, parts, 1)


def spent(then: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    return {each.what: round(each.seconds, 6) for each in explain("more", pair(then, now)).spent}


def hints(then: Mapping[str, float], now: Mapping[str, float], *differences: Difference) -> list[str]:
    found = explain("more", pair({**then, "wall": 10.0}, {**now, "wall": 20.0}, *differences))
    return [hint.what for hint in found.hints]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"wall": 10.0, "cpu": 4.0, "run_queue_wait": 1.0}, Times(10.0, 4.0, 1.0, 5.0, 1.0)),
        ({"wall": 10.0, "cpu": 40.0, "run_queue_wait": 8.0}, Times(10.0, 10.0, 0.0, 0.0, 4.0)),
        ({"wall": 10.0, "cpu": 8.0, "run_queue_wait": 9.0}, Times(10.0, 8.0, 2.0, 0.0, 1.0)),
        ({"wall": 10.0, "cpu": 8.0}, Times(10.0, 8.0, 0.0, 2.0, 1.0)),
        ({"wall": 10.0}, None),
        ({"cpu": 10.0}, None),
        ({"wall": 0.0, "cpu": 0.0}, None),
        ({"wall": 1.0, "cpu": 0.0}, Times(1.0, 0.0, 0.0, 1.0, 1.0)),
    ],
)
def test_where_the_time_of_a_run_went(known: dict[str, float], expected: Times | None) -> None:
    assert times(known) == expected


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        (QUIET, {**QUIET, "wall": 20.0, "cpu": 20.0}, {"work": 10.0}),
        (QUIET, {**QUIET, "wall": 20.0}, {"asleep": 10.0}),
        (QUIET, {**QUIET, "wall": 20.0, "cpu": 12.5}, {"asleep": 7.5, "work": 2.5}),
        (QUIET, {**QUIET, "wall": 20.0, "cpu": 12.49}, {"asleep": 7.51}),
        (QUIET, {**QUIET, "wall": 20.0, "run_queue_wait": 4.0}, {"asleep": 6.0, "starved": 4.0}),
        (QUIET, {**QUIET, "wall": 20.0, "run_queue_wait": 40.0}, {"starved": 10.0}),
        (QUIET, {**QUIET, "wall": 20.0, "read_bytes": 1e6}, {"storage": 10.0}),
        ({**QUIET, "wall": 20.0, "read_bytes": 1e6}, QUIET, {"storage": 10.0}),
        ({**QUIET, "cpu": 5.0}, {**QUIET, "cpu": 5.0, "wall": 20.0, "read_bytes": 1e6}, {"storage": 10.0}),
        (QUIET, {**QUIET, "wall": 12.0}, {"asleep": 2.0}),
        (QUIET, {**QUIET, "wall": 12.0, "read_bytes": 1e6}, {"storage": 2.0}),
        (QUIET, {"wall": 12.0, "cpu": 10.0}, {"waiting": 2.0}),
        ({"wall": 10.0, "cpu": 10.0}, {"wall": 20.0, "cpu": 10.0}, {"waiting": 10.0}),
        (QUIET, {"wall": 20.0, "cpu": 10.0}, {"waiting": 10.0}),
        ({**QUIET, "cpu": 40.0}, {**QUIET, "wall": 20.0, "cpu": 40.0}, {"together": 10.0}),
        ({**QUIET, "cpu": 40.0}, {**QUIET, "wall": 20.0, "cpu": 40.0, "run_queue_wait": 16.0},
         {"together": 6.0, "starved": 4.0}),
        ({**QUIET, "cpu": 40.0}, {**QUIET, "wall": 20.0, "cpu": 80.0}, {"work": 10.0}),
    ],
)  # fmt: skip
def test_what_a_difference_went_into(then: dict[str, float], now: dict[str, float], expected: dict[str, float]) -> None:
    assert spent(then, now) == expected
    assert list(spent(then, now)) == list(expected)  # the largest first
    assert spent(now, then) == expected or "storage" in expected or "asleep" in expected


@pytest.mark.parametrize(
    ("name", "then", "now", "used"),
    [
        ("read_bytes", 0, 1e6, True),
        ("read_bytes", 0, 999_999, False),
        ("written_bytes", 2e6, 3e6, True),
        ("written_bytes", 2_000_002, 3_000_002, False),
        ("page_faults_major", 10, 20, True),
        ("page_faults_major", 11, 21, False),
        ("page_faults_major", 0, 9, False),
        ("read_chars", 0, 1e9, False),
    ],
)
def test_when_storage_was_used_more(name: str, then: float, now: float, used: bool) -> None:
    assert used_storage(pair({name: then}, {name: now})) is used
    assert not used_storage(pair({name: now}, {name: then}))
    assert not used_storage(pair({}, {name: now}))
    assert not used_storage(pair({name: then}, {}))


@pytest.mark.parametrize(
    ("read", "name", "then", "now", "cold"),
    [
        ((100, 100), "read_bytes", 1e6, 2e6, True),
        ((100, 100), "read_bytes", 1e6, 1_999_999, False),
        ((80, 100), "read_bytes", 0, 1e6, True),
        ((100, 80), "page_faults_major", 0, 10, True),
        ((79, 100), "read_bytes", 0, 1e6, False),
        ((100, 79), "read_bytes", 0, 1e6, False),
    ],
)
def test_when_a_cache_was_colder(read: tuple[int, int], name: str, then: float, now: float, cold: bool) -> None:
    first, second = ({"read_chars": chars, name: value} for chars, value in zip(read, (then, now), strict=True))
    assert is_cold(pair(first, second)) is cold
    assert not is_cold(pair({name: then}, second))
    assert not is_cold(pair(first, {name: now}))


@pytest.mark.parametrize(
    ("name", "then", "now", "hinted"),
    [
        ("input_bytes", 10, 12, ["data"]),
        ("input_bytes", 100, 119, []),
        ("processes", 10, 15, ["processes"]),
        ("processes", 4, 8, []),
        ("processes", 11, 16, []),
        ("cores_allowed", 5, 6, ["cores"]),
        ("cores_allowed", 6, 7, []),
    ],
)
def test_what_else_grew(name: str, then: float, now: float, hinted: list[str]) -> None:
    assert hints({name: then}, {name: now}) == hinted
    assert hints({name: now}, {name: then}) == hinted
    assert hints({}, {name: now}) == []


@pytest.mark.parametrize(("name", "what"), [("pressure_cpu", "busy"), ("pressure_memory", "memory")])
def test_pressure_is_named_where_it_is_a_quarter_of_the_difference_and_goes_its_way(name: str, what: str) -> None:
    assert hints({name: 1.0}, {name: 3.5}) == [what]
    assert hints({name: 1.0}, {name: 3.49}) == []
    assert hints({name: 3.5}, {name: 1.0}) == []
    assert [hint.what for hint in explain("more", pair({"wall": 1.0, name: 0}, {"wall": 1.5, name: 0.2})).hints] == [
        what
    ]
    faster = explain("less", pair({"wall": 20.0, name: 3.5}, {"wall": 10.0, name: 1.0}))
    assert [(hint.what, hint.then, hint.now) for hint in faster.hints] == [(what, 3.5, 1.0)]


@pytest.mark.parametrize(
    ("verdict", "then", "now", "outcome", "seconds"),
    [
        ("more", {"wall": 10.0}, {"wall": 12.0}, "slower", 2.0),
        ("less", {"wall": 12.0}, {"wall": 10.0}, "faster", -2.0),
        ("alike", {"wall": 10.0}, {"wall": 10.1}, "equal", pytest.approx(0.1)),
        ("noise", {"wall": 10.0}, {"wall": 13.0}, "equal", 3.0),
        ("more", {"wall": 10.0}, {}, "unknown", None),
        ("alike", {}, {"wall": 10.0}, "unknown", None),
    ],
)
def test_outcome(
    verdict: Verdict, then: dict[str, float], now: dict[str, float], outcome: str, seconds: float | None
) -> None:
    found = explain(verdict, pair(then, now))
    assert (found.side, found.outcome, found.spent, found.hints) == (1, outcome, (), ())
    assert found.seconds == seconds


def test_figures_that_are_not_known_are_none_of_a_side() -> None:
    rows = [
        row("wall", "s", [[Figure(3, "s", "exact")], [Figure(5, "s", "exact")]]),
        row("cpu", "s", [[Figure(None, "s", "unavailable", reason="-")], [Figure(4, "s", "exact")]]),
    ]
    assert (medians(rows, 0), medians(rows, 1)) == ({"wall": 3.0}, {"wall": 5.0, "cpu": 4.0})


def _part(name: str, *took: float | None) -> Part:
    walls = [[Figure(wall, "s", "unavailable" if wall is None else "exact")] for wall in took]
    nothing = row("cpu", "s", [[None], [None]])
    return Part(name, "span", row("wall", "s", walls), nothing, nothing, ((), ()))


@pytest.mark.parametrize(
    ("took", "named"),
    [((1.0, 6.0), True), ((1.0, 5.99), False), ((None, 9.0), False), ((9.0, None), False), ((9.0, 1.0), False)],
)
def test_the_part_in_which_half_of_the_difference_lies(took: tuple[float | None, float | None], named: bool) -> None:
    among = (_part("load", 1.0, 2.0), _part("fit", *took), _part("less", 5.0, 3.0))
    slower = explain("more", pair({"wall": 10.0}, {"wall": 20.0}, parts=among))
    assert slower.hints == ((Hint("part", took[0], took[1], part="fit"),) if named else ())
    turned = (_part("load", 2.0, 1.0), _part("fit", *reversed(took)), _part("less", 3.0, 5.0))
    faster = explain("less", pair({"wall": 20.0}, {"wall": 10.0}, parts=turned))
    assert faster.hints == ((Hint("part", took[1], took[0], part="fit"),) if named else ())


def _other(topic: Topic, name: str, *sizes: int | None) -> Difference:
    return Difference(topic, name, ("1", "2"), sizes)


def test_the_largest_of_what_was_read_is_named_where_there_is_more_of_it() -> None:
    files = [_other("inputs", name, *sizes) for name, sizes in
             (("small", (1, 2)), ("gone", (50, None)), ("new", (None, 90)), ("big", (70, 80)))]  # fmt: skip
    code = _other("code", "large.py", 500, 600)
    known = explain("more", pair({"wall": 1.0, "input_bytes": 9}, {"wall": 9.0, "input_bytes": 99}, *files, code)).hints
    assert known == (Hint("data", 9, 99, (files[2], files[3], files[1])), Hint("code", names=(code,)))
    as_much = explain("more", pair({"wall": 1.0, "input_bytes": 9}, {"wall": 9.0, "input_bytes": 9}, *files)).hints
    assert as_much == (Hint("inputs", names=tuple(files[:3])),)


def test_of_another_command_software_and_code_are_others_anyhow() -> None:
    differences = [_other(topic, "x") for topic in get_args(Topic)]
    for name in ("cpu", "-"):  # whatever the time went into
        assert hints(QUIET, {**QUIET, name: 20.0}, *differences) == ["outcome", "command", "machine"]
    told = [each for each in differences if each.topic != "command"]
    assert hints({}, {}, *told) == ["outcome", "parameters", "code", "software"]


def test_the_likeliest_hints_come_first() -> None:
    differences = [_other(topic, "x") for topic in ("parameters", "code", "software", "environment")]
    assert hints(QUIET, {**QUIET, "cpu": 20.0}, *differences) == ["parameters", "software", "code", "environment"]
    starved = {**QUIET, "run_queue_wait": 10.0, "cores_allowed": 1}
    assert hints({**QUIET, "cores_allowed": 2}, starved, *differences)[0] == "cores"


def test_every_share_has_hints_that_fit_it() -> None:
    assert causes.SHARES.keys() == causes._FITS.keys()  # noqa: SLF001
