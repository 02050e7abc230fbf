"""The sixteen rules. `docs/reference/telemetry.md` lists these tests by name, and a test holds the page to them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import getpass
import json
import math
import os
import re
import socket
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from harness.command import package_parent
from harness.telemetry import LAST_WEEK, TODAY, Scene
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vestige.errors import TelemetryError
from vestige.telemetry import answers as said
from vestige.telemetry import (
    asking,
    counters,
    forgetting,
    log,
    noise,
    payload,
    reports,
    sending,
    source,
    spool,
    standing,
    surroundings,
    timetable,
)
from vestige.telemetry.schema import BUILT_IN, Schema, load, parse
from vestige.telemetry.weeks import week_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.collectors import Collector

URL = "https://telemetry.example.org"
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")  # one child, which only sends


def changed(scene: Scene, **what: Any) -> None:
    scene.around = dataclasses.replace(scene.around, **what)


# 1. Off until an explicit yes


def test_nothing_is_sent_without_a_yes(scene: Scene, collector: Collector) -> None:
    for word in (None, "asked", "no"):
        scene.name_collector(collector.url)
        if word:
            scene.agree(word=word)
        assert scene.standing().mode == "local"
        scene.count("command", name="ls")
        assert scene.send() == []
    assert collector.requests() == []


@pytest.mark.parametrize("what", [{"ci": "CI"}, {"is_root": True}, {"container": "/.dockerenv"}])
def test_ci_root_and_containers_are_a_no_even_after_a_yes(scene: Scene, what: dict[str, Any]) -> None:
    scene.agree(URL)
    assert scene.standing().mode == "on"
    changed(scene, **what)
    assert scene.standing().mode == "local"
    assert not scene.standing().may_ask
    assert not standing.allows_sending(scene.around, said.load(scene.places.answers))


def test_how_containers_and_ci_are_told(tmp_path: Path) -> None:
    def look(**environ: str) -> surroundings.Surroundings:
        return surroundings.of(environ, None, top=str(tmp_path), is_root=False)

    assert look().container is None
    for name in ("container", "KUBERNETES_SERVICE_HOST", "APPTAINER_CONTAINER"):
        assert look(**{name: "x"}).container == name
    (tmp_path / "proc" / "1").mkdir(parents=True)
    for group, is_container in (
        ("0::/init.scope", False),
        ("1:name=systemd:/docker/5f", True),
        ("0::/kubepods/x", True),
    ):
        (tmp_path / "proc" / "1" / "cgroup").write_text(group)
        assert bool(look().container) is is_container
    (tmp_path / ".dockerenv").touch()
    assert look().container == "/.dockerenv"
    for name in surroundings.CI_VARIABLES:
        assert look(**{name: "true"}).ci == name
        assert look(**{name: "false"}).ci is None


def test_a_file_that_cannot_be_written_is_a_no(scene: Scene) -> None:
    os.makedirs(os.path.dirname(os.path.dirname(scene.places.answers)), exist_ok=True)
    with open(os.path.dirname(scene.places.answers), "w", encoding="ascii"):  # a file where the folder would be
        pass
    with pytest.raises(TelemetryError, match="nothing is sent"):
        said.store(scene.places.answers, said.Answers())
    assert scene.standing().mode == "local"


# 2. The most private rule wins


@pytest.mark.parametrize(
    ("environ", "mode"),
    [
        ({"DO_NOT_TRACK": "1"}, "off"),
        ({"DO_NOT_TRACK": "yes please"}, "off"),
        ({"DO_NOT_TRACK": "0"}, "on"),
        ({"DO_NOT_TRACK": ""}, "on"),
        ({"DO_NOT_TRACK": "false"}, "on"),
        ({"KEDRO_DISABLE_TELEMETRY": "1"}, "off"),
        ({"KEDRO_DISABLE_TELEMETRY": "0"}, "off"),
        ({"KEDRO_DISABLE_TELEMETRY": ""}, "on"),
        ({"VESTIGE_TELEMETRY": "off"}, "off"),
        ({"VESTIGE_TELEMETRY": "0"}, "off"),
        ({"VESTIGE_TELEMETRY": "local"}, "local"),
        ({"VESTIGE_TELEMETRY": "on"}, "on"),
        ({"VESTIGE_TELEMETRY": "maybe"}, "off"),
        ({"VESTIGE_TELEMETRY": "on", "DO_NOT_TRACK": "1"}, "off"),
    ],
)
def test_variables_can_only_lower_what_holds(scene: Scene, environ: dict[str, str], mode: str) -> None:
    changed(scene, environ=environ)
    assert scene.standing().mode != "on"
    scene.agree(URL)
    assert scene.standing().mode == mode
    if mode == "off":
        scene.count("command", name="ls")
        assert not [name for name in scene.files() if name.startswith("state")]


@pytest.mark.parametrize("word", ["0", "false", "no", "off", "OFF ", "local", "on", "1", "true", " True", "of", "~"])
def test_words_of_the_variable(scene: Scene, word: str) -> None:
    scene.agree(URL)
    changed(scene, environ={"VESTIGE_TELEMETRY": word})
    meant = {"local": "local", "on": "on", "1": "on", "true": "on"}
    assert scene.standing().mode == meant.get(word.strip().lower(), "off")
    assert standing.allows_sending(scene.around, said.load(scene.places.answers)) == (scene.standing().mode == "on")
    assert bool(scene.standing().troubles) == (word in ("of", "~"))


@pytest.mark.parametrize(
    ("what", "mode", "why"),
    [
        ({"environ": {"DO_NOT_TRACK": "1"}}, "off", "`DO_NOT_TRACK` is set"),
        ({"environ": {"KEDRO_DISABLE_TELEMETRY": "1"}}, "off", "`KEDRO_DISABLE_TELEMETRY` is set"),
        ({"environ": {"VESTIGE_TELEMETRY": "local"}}, "local", "`VESTIGE_TELEMETRY` is `local`"),
        ({"ci": "CI"}, "local", "this is CI (`CI` is set)"),
        ({"is_root": True}, "local", "this is root, who speaks for no user"),
        ({"container": "/.dockerenv"}, "local", "this is a container (`/.dockerenv`)"),
    ],
)
def test_no_yes_lifts_what_is_around(scene: Scene, what: dict[str, Any], mode: str, why: str) -> None:
    scene.name_collector(URL)
    assert scene.standing().may_ask
    assert scene.standing().hurdle is None
    changed(scene, **what)
    for word in (None, "no", "asked", "yes"):
        if word:
            scene.agree(word=word)
        holds = scene.standing()
        assert (holds.mode, holds.mark, holds.may_ask, holds.troubles) == (mode, "", False, [])
        assert holds.hurdle is not None
        assert holds.hurdle.why == why
        assert not standing.allows_sending(scene.around, said.load(scene.places.answers))


def test_one_rule_that_allows_it_outweighs_none_that_does_not(scene: Scene) -> None:
    scene.agree(URL)
    changed(scene, environ={"VESTIGE_TELEMETRY": "on"}, ci="CI")
    assert scene.standing().mode == "local"
    assert not standing.allows_sending(scene.around, said.load(scene.places.answers))


def test_what_is_counted_bears_the_mark_of_the_yes(scene: Scene) -> None:
    scene.agree(URL)
    (answer,) = said.load(scene.places.answers).answers
    assert scene.standing().mark == answer.mark != ""


def test_an_installation_that_cannot_send_is_a_no(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.agree(URL)
    monkeypatch.setattr(timetable, "HAS_SENDER", False)
    assert scene.standing().mode == "local"
    assert not standing.allows_sending(scene.around, said.load(scene.places.answers))


def test_what_was_said_is_told_in_words(scene: Scene) -> None:
    def told() -> list[str]:
        return [rule.why.partition(" (")[0] for rule in scene.standing().rules]

    assert told() == [standing.NOBODY]
    assert not scene.standing().may_ask  # whom would it go to?
    scene.name_collector(URL)
    assert told() == [f"nobody said yes to `{URL}` with this schema and purpose"]
    for word, words in (("asked", "you were asked and did not answer"), ("no", "you said no"), ("yes", "you said yes")):
        scene.agree(word=word)
        assert told() == [words]
        assert not scene.standing().may_ask
        assert scene.standing().hurdle is None
    changed(scene, environ={"VESTIGE_TELEMETRY": "on"})
    scene.agree("https://another.example.org", word="asked")
    scene.name_collector("https://third.example.org")
    assert scene.standing().may_ask  # `on` is no objection
    assert scene.standing().hurdle is None


@pytest.mark.parametrize("name", ["DO_NOT_TRACK", "KEDRO_DISABLE_TELEMETRY", "VESTIGE_TELEMETRY"])
def test_where_a_variable_says_off_not_even_the_worker_is_started(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(timetable, "HAS_SENDER", False)  # which starts none, but would move the time of the next look
    timetable.set_due(scene.places, 1.0)
    changed(scene, environ={name: "off"})
    scene.count("command")
    assert os.stat(scene.places.due).st_mtime == 1.0
    changed(scene, environ={})
    said.store(scene.places.answers, said.Answers(mode="off"))  # what is to be deleted is asked for all the same
    scene.count("command")
    assert os.stat(scene.places.due).st_mtime > 1.0


@pytest.mark.parametrize("mode", ["off", "local"])
def test_a_mode_that_the_user_chose_is_an_answer(scene: Scene, mode: str) -> None:
    scene.agree(URL)
    said.store(scene.places.answers, dataclasses.replace(said.load(scene.places.answers), mode=mode))
    holds = scene.standing()
    assert (holds.mode, holds.rules[0].why, holds.hurdle, holds.may_ask) == (mode, f"you said {mode}", None, False)


def test_without_a_home_nothing_is_counted(scene: Scene) -> None:
    holds = standing.of(None, scene.around)
    assert (holds.mode, holds.rules[0].why) == ("off", "there is no home to keep anything in")


def test_a_collector_that_cannot_be_one_is_a_no(scene: Scene) -> None:
    scene.agree(URL)
    changed(scene, environ={"VESTIGE_TELEMETRY_COLLECTOR": "ftp://telemetry.example.org"})
    holds = scene.standing()
    assert (holds.mode, holds.source, holds.mark, holds.may_ask) == ("local", None, "", False)
    assert holds.troubles == [holds.rules[0].why]
    assert holds.hurdle == holds.rules[0]


def test_a_project_that_says_nothing_of_the_mode_has_no_say(scene: Scene) -> None:
    scene.agree(URL)
    with open(os.path.join(scene.folder, "work", "vestige.toml"), "w", encoding="ascii") as file:
        file.write('[telemetry]\nschema = "own.json"\n')
    assert scene.standing().mode == "on"


def test_nobody_is_asked_whose_answer_would_be_lost(scene: Scene) -> None:
    assert standing.can_write(scene.places)  # the folder is not there yet, but can be made
    assert standing.can_write(dataclasses.replace(scene.places, answers="/telemetry.json")) == os.access("/", os.W_OK)
    assert not standing.can_write(dataclasses.replace(scene.places, answers="no/where/telemetry.json"))
    with open(os.path.join(scene.folder, "config"), "w", encoding="ascii"):  # a file where the folder would be
        pass
    assert not standing.can_write(scene.places)


_FILES = ["admin.toml", "work/vestige.toml", "work/pyproject.toml", "config/telemetry.json"]


@given(words=st.lists(st.sampled_from(["off", "local", "on", None]), min_size=4, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_the_most_private_rule_wins(tmp_path_factory: pytest.TempPathFactory, words: list[str | None]) -> None:
    scene = Scene(str(tmp_path_factory.mktemp("user")))
    scene.agree(URL)
    for name, word in zip(_FILES, words, strict=True):
        path = os.path.join(scene.folder, name)
        if word and name.endswith(".json"):
            said.store(path, dataclasses.replace(said.load(path), mode=word))
        elif word:
            table = {"admin.toml": "", "work/vestige.toml": "[telemetry]\n"}.get(name, "[tool.vestige.telemetry]\n")
            with open(path, "w", encoding="ascii") as file:
                file.write(f'{table}mode = "{word}"\n')
    order = [word for word in said.MODES if word in words]
    assert scene.standing().mode == (order[0] if order else "on")


def test_a_project_can_only_say_no(scene: Scene) -> None:
    with open(os.path.join(scene.folder, "work", "pyproject.toml"), "w", encoding="ascii") as file:
        file.write(f'[tool.vestige.telemetry]\nmode = "on"\ncollector = "{URL}"\n')
    assert scene.standing().mode == "local"
    assert scene.standing().source == dataclasses.replace(source.own({}, scene.around), collector=None)


def test_a_project_cannot_take_the_name_of_vestige(scene: Scene) -> None:
    work = os.path.join(scene.folder, "work")
    with open(os.path.join(work, "vestige.toml"), "w", encoding="ascii") as file:
        file.write(f'[telemetry]\nschema = "{BUILT_IN}"\ncollector = "{URL}"\n')
    with pytest.raises(TelemetryError, match="another's name"):
        source.of_project(work, {})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("admin.toml", "mode ="),
        ("admin.toml", 'mode = "perhaps"'),
        ("admin.toml", "mode = 3"),
        ("config/telemetry.json", "{"),
        ("config/telemetry.json", "[]"),
        ("config/telemetry.json", '{"format": 1, "mode": "on", "answers": [{}], "collectors": {}}'),
        ("config/telemetry.json", '{"format": 99, "mode": "on", "answers": [], "collectors": {}}'),
        ("work/vestige.toml", "telemetry = ["),
        ("work/vestige.toml", "telemetry = 1"),
        ("work/pyproject.toml", "[tool.vestige.telemetry\n"),
        ("work/pyproject.toml", "[tool.vestige.telemetry]\nmode = []"),
    ],
)
def test_what_is_malformed_is_a_no_with_one_line(scene: Scene, name: str, content: str) -> None:
    scene.agree(URL)
    with open(os.path.join(scene.folder, name), "w", encoding="ascii") as file:
        file.write(content)
    holds = scene.standing()
    assert holds.mode == "off"
    assert len(holds.troubles) == 1
    assert "\n" not in holds.troubles[0]


@pytest.mark.parametrize(
    ("content", "mode"),
    [("consent: false", "local"), ("consent: maybe", "local"), ("[", "local"), ("consent: true\n", "on")],
)
def test_the_file_of_kedro_can_say_no_too(scene: Scene, content: str, mode: str) -> None:
    scene.agree(URL)
    with open(os.path.join(scene.folder, "work", ".telemetry"), "w", encoding="ascii") as file:
        file.write(content)
    assert scene.standing().mode == mode


# 3. Consent is for an endpoint, a purpose and a schema


def _document() -> dict[str, Any]:
    with open(BUILT_IN, encoding="utf-8") as file:
        return dict(json.load(file))


def _schema(scene: Scene, change: Callable[[dict[str, Any]], object]) -> source.Source:
    document = _document()
    document["collector"] = URL
    change(document)
    path = os.path.join(scene.folder, "telemetry.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file)
    return source.of_schema(path, {})


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(collector="https://other.example.org"),
        lambda document: document.update(purpose="To sell it"),
        lambda document: document.update(schema="vestige/2"),
        lambda document: document["events"]["command"]["fields"].update(
            host={"type": "enum", "values": ["laptop"]},
        ),
        lambda document: document["events"]["command"].update(expires="2040-01-01"),
    ],
)
def test_a_new_endpoint_purpose_or_schema_asks_again(scene: Scene, change: Callable[[dict[str, Any]], object]) -> None:
    agreed = said.Answers().saying(_schema(scene, lambda _: None), "yes", "shown")
    said.store(scene.places.answers, agreed)
    same = standing.of(scene.places, scene.around, lambda _: _schema(scene, lambda _: None))
    other = standing.of(scene.places, scene.around, lambda _: _schema(scene, change))
    assert (same.mode, other.mode) == ("on", "local")
    assert not same.may_ask
    assert other.may_ask


def test_a_no_has_the_day_on_which_it_was_said(scene: Scene) -> None:
    agreed = said.Answers().saying(_schema(scene, lambda _: None), "yes", "shown")
    long_ago = dataclasses.replace(agreed.answers[0], day="2020-02-29")
    (answer,) = dataclasses.replace(agreed, answers=(long_ago,)).withdrawn().answers
    assert (answer.said, answer.mark) == ("no", "")
    assert abs((dt.date.fromisoformat(answer.day) - TODAY).days) <= 1


def test_the_answer_is_kept_with_day_hash_and_the_text_that_was_shown(scene: Scene) -> None:
    scene.agree(URL)
    (answer,) = said.load(scene.places.answers).answers
    assert (answer.said, answer.schema, answer.hash, answer.collector) == ("yes", "vestige/1", load().hash, URL)
    assert (answer.text, answer.purpose) == ("shown", load().purpose)
    assert abs((dt.date.fromisoformat(answer.day) - TODAY).days) <= 1


# 4. Local first


def test_counts_are_kept_and_shown_without_any_collector(scene: Scene) -> None:
    for _ in range(3):
        scene.count("command", TODAY, name="ls", outcome="ok")
    assert scene.standing().source is not None
    (folder,) = counters.folders(scene.places)
    week = counters.read(folder, week_of(TODAY))
    assert week.total == {("command", (("name", "ls"), ("outcome", "ok"))): 3}
    assert not os.path.exists(scene.places.spool)


# 5. See before it is sent

_EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("command"), st.fixed_dictionaries({"name": st.sampled_from(["ls", "show", "my-secret"])})),
        st.tuples(
            st.just("run"), st.fixed_dictionaries({"seconds": st.floats(0, 1e6), "outcome": st.text(max_size=5)})
        ),
        st.tuples(st.just("run_memory"), st.fixed_dictionaries({"bytes": st.integers(0, 1 << 50)})),
        st.tuples(st.just("error"), st.fixed_dictionaries({"kind": st.sampled_from(["OSError", "MyOwnError"])})),
        st.tuples(
            st.just("kedro_dataset"),
            st.fixed_dictionaries(
                {
                    "type": st.sampled_from(load().events["kedro_dataset"].fields["type"].values),
                    "number": st.integers(0, 99),
                }
            ),
        ),
    ),
    min_size=1,
    max_size=120,
)


@given(events=_EVENTS, weeks=st.integers(1, 3))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_the_preview_is_what_arrives(
    tmp_path_factory: pytest.TempPathFactory,
    collector: Collector,
    events: list[tuple[str, dict[str, object]]],
    weeks: int,
) -> None:
    collector.clear()
    scene = Scene(str(tmp_path_factory.mktemp("user")))
    scene.agree(collector.url)
    for number, (event, fields) in enumerate(events):
        scene.count(event, TODAY - dt.timedelta(weeks=1 + number % weeks), **fields)
    shown = scene.previews()
    assert 1 <= len(shown) <= weeks
    assert {one.status for one in scene.send()} == {202}
    assert sorted(collector.reports()) == sorted(shown)
    for body in shown:
        payload.check(payload.decode(body), load())
    assert scene.send() == []


def test_the_log_holds_every_byte_that_was_sent(scene: Scene, collector: Collector) -> None:
    scene.agree(collector.url)
    scene.count("command", name="ls")
    scene.send()
    ((head, body),) = collector.requests()
    (entry,) = log.read(scene.places)
    assert entry.request.encode("latin-1") == head.encode("latin-1") + b"\r\n\r\n" + body
    assert (entry.status, entry.answer, entry.collector) == (202, '{"status": "accepted"}', collector.url)


def test_the_request_names_no_program_and_keeps_no_cookie(scene: Scene, collector: Collector) -> None:
    scene.agree(collector.url)
    scene.count("command", name="ls")
    scene.send()
    ((head, _),) = collector.requests()
    names = [line.partition(":")[0] for line in head.splitlines()[1:]]
    assert names == ["Host", "Connection", "Content-Type", "Content-Length"]


def test_a_file_can_stand_for_the_collector(scene: Scene) -> None:
    path = os.path.join(scene.folder, "out.jsonl")
    scene.agree(f"file://{path}")
    scene.count("command", name="ls")
    shown = scene.previews()
    scene.send()
    with open(path, "rb") as file:
        assert file.read() == shown[0] + b"\n"


# 6. A closed schema


def test_what_a_foreign_hand_puts_into_a_counter_does_not_leave(scene: Scene, collector: Collector) -> None:
    scene.agree(collector.url)
    scene.count("command", name="ls")
    (folder,) = counters.folders(scene.places)
    mark = scene.standing().mark
    lines = [
        [mark, "command", {"name": "/home/me", "path": "/home/me"}],
        [mark, "spy", {"what": "all"}],
        [mark, "", {"host": "laptop", "python": "secret"}],
        [mark, "run", {"seconds": "12.34567"}],
        ["-", "command", {"name": "show"}],
    ]
    with open(os.path.join(folder, f"{week_of(LAST_WEEK)}.jsonl"), "a", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
        file.write("{}\n[1]\n\x00\n" + "[" * 5000 + "\n" + json.dumps([mark, "command"])[:-4])
    scene.send()
    (body,) = collector.reports()
    assert json.loads(body)["counts"] == [["command", {}, "1"], ["command", {"name": "ls"}, "1"], ["run", {}, "1"]]
    assert b"secret" not in body
    assert b"laptop" not in body


@pytest.mark.parametrize("event", ["command", "error", "kedro_command", "kedro_dataset"])
def test_names_that_are_private_become_other(scene: Scene, event: str) -> None:
    (name, *_) = load().events[event].fields
    scene.count(event, TODAY, **{name: "my-own-plugin"})
    (folder,) = counters.folders(scene.places)
    with open(os.path.join(folder, f"{week_of(TODAY)}.jsonl"), encoding="ascii") as file:
        assert json.loads(file.read()) == ["-", event, {name: "other"}]


def test_what_has_expired_is_neither_counted_nor_sent(scene: Scene) -> None:
    def expire(document: dict[str, Any]) -> None:
        document["events"]["command"]["fields"]["name"]["expires"] = TODAY.isoformat()
        document["events"]["error"]["expires"] = TODAY.isoformat()

    schema = _schema(scene, expire).schema
    counts = {("command", (("name", "ls"), ("outcome", "ok"))): 2, ("error", ()): 1}
    drawn = reports.Draft("0" * 32, "0" * 64, "0" * 64)
    week = week_of(LAST_WEEK)

    def entries(day: dt.date) -> object:
        made = reports.make(schema, drawn, week=week, counts=Counter(counts), context={}, day=day)
        return json.loads(made.body)["counts"]

    assert entries(LAST_WEEK) == [["command", {"name": "ls", "outcome": "ok"}, "2"], ["error", {}, "1"]]
    assert entries(TODAY) == [["command", {"outcome": "ok"}, "2"]]


# 7. No identifiers


def test_reports_share_nothing_that_tells_who_sent_them(scene: Scene, collector: Collector) -> None:
    scene.agree(collector.url)
    for weeks in (1, 2):
        scene.count("command", TODAY - dt.timedelta(weeks=weeks), name="ls")
    scene.send()
    first, second = (json.loads(body) for body in collector.reports())
    assert not {first["report"], first["deletion"]} & {second["report"], second["deletion"]}
    text = b"".join(collector.reports()).decode("ascii")
    own = [socket.gethostname(), scene.folder, os.path.expanduser("~"), str(os.getpid()), scene.standing().mark]
    own += [name for name in (getpass.getuser(),) if len(name) > 3 and name != "root"]
    assert [word for word in own if word in text] == []
    tokens = {entry.token for entry in log.read(scene.places)}
    assert not [token for token in tokens if token in text]


# 8. Coarse


def test_a_report_is_small_and_has_no_time_but_its_week(scene: Scene, collector: Collector) -> None:
    scene.agree(collector.url)
    kinds = load().events["kedro_dataset"].fields["type"].values
    for times in range(2):
        for number, kind in enumerate(kinds):
            for _ in range(1 + times * (number % 3)):
                scene.count("kedro_dataset", type=kind, number=number)
    scene.send()
    (body,) = collector.reports()
    assert len(body) <= payload.LARGEST
    document = json.loads(body)
    assert len(document["counts"]) < len(kinds)  # the rarest are left out
    assert {"2", "4"} == {count for _, _, count in document["counts"]}
    assert re.findall(r"\d{4}-\S\S\S?", body.decode("ascii")) == [week_of(LAST_WEEK)]


def test_reports_of_a_week_are_spread_over_the_week_after(scene: Scene) -> None:
    moments = set()
    for number in range(20):
        other = Scene(os.path.join(scene.folder, str(number)))
        other.count("command", TODAY, name="ls")
        moments.add(round(os.stat(other.places.due).st_mtime / 3600))
    assert len(moments) > 10


# 9. It costs the user nothing


def test_counting_never_raises_and_never_writes_into_the_project(scene: Scene) -> None:
    from vestige.telemetry import Telemetry  # noqa: PLC0415

    usage = Telemetry(os.path.join(scene.folder, "no.json"))
    usage.count("command", name="ls")
    with usage.measure("command"):
        pass
    usage = Telemetry(BUILT_IN)
    usage.count("no such event")
    usage.count("command", no_such_field=object())
    assert os.listdir(os.path.join(scene.folder, "work")) == []
    with pytest.raises(TelemetryError, match="has no event `nothing`"):
        Telemetry(BUILT_IN, strict=True).count("nothing")


def test_counting_imports_no_network_code(tmp_path: Path) -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "from vestige.telemetry import own\n"
        "own.here().count('command', {'name': 'ls'})\n"
        "print(sorted(set(sys.modules) - before))"
    )
    environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": package_parent()}
    call = [sys.executable, "-c", code]
    done = subprocess.run(call, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True)
    loaded = set(eval(done.stdout))  # noqa: S307 - a list of our own
    assert not loaded & {
        "socket",
        "ssl",
        "http",
        "http.client",
        "urllib.request",
        "_socket",
        "_ssl",
        "select",
        "tomllib",
    }
    assert "vestige.telemetry.counting" in loaded


def test_a_week_that_is_full_counts_no_more(scene: Scene) -> None:
    scene.count("command", TODAY, name="ls")
    (folder,) = counters.folders(scene.places)
    path = os.path.join(folder, f"{week_of(TODAY)}.jsonl")
    with open(path, "ab") as file:
        file.truncate(counters.LARGEST_WEEK - 20)
    scene.count("command", TODAY, name="ls")
    assert os.path.getsize(path) == counters.LARGEST_WEEK - 20
    assert counters.read(folder, week_of(TODAY)).is_full


# 10. Offline


def test_the_spool_is_bounded_in_number_size_and_age(scene: Scene, collector: Collector) -> None:
    collector.answer(503)
    scene.agree(collector.url)
    for weeks in range(1, 9):
        scene.count("command", TODAY - dt.timedelta(weeks=weeks), name="ls")
    scene.send()
    waiting = spool.read(scene.places)
    assert [one.week for one in waiting] == [week_of(TODAY - dt.timedelta(weeks=weeks)) for weeks in (4, 3, 2, 1)]
    assert sum(len(one.body) for one in waiting) <= spool.LARGEST
    spool.prune(scene.places, TODAY + dt.timedelta(weeks=3))
    assert len(spool.read(scene.places)) == 2
    spool.prune(scene.places, TODAY + dt.timedelta(weeks=8))
    assert spool.read(scene.places) == []


def test_nothing_from_before_the_yes_is_sent(scene: Scene, collector: Collector) -> None:
    scene.name_collector(collector.url)
    scene.count("command", name="show")
    scene.agree()
    scene.count("command", name="ls")
    scene.agree(word="no")
    scene.count("command", name="rm")
    scene.agree()
    scene.count("command", name="why")
    scene.send()
    (body,) = collector.reports()
    assert json.loads(body)["counts"] == [["command", {"name": "why"}, "1"]]


def test_what_fails_is_tried_again_later_and_then_arrives_once(scene: Scene, collector: Collector) -> None:
    scene.agree(collector.url)
    scene.count("command", name="ls")
    collector.answer(503)
    (first,) = scene.send()
    assert (first.status, first.is_done) == (503, False)
    assert scene.send() == []  # not before a day has passed
    (waiting,) = spool.read(scene.places)
    assert waiting.attempts == 1
    spool.put(scene.places, dataclasses.replace(waiting, next=0))
    collector.answer(202)
    (second,) = scene.send()
    assert (second.report, second.is_done) == (first.report, True)
    assert spool.read(scene.places) == []
    assert len(set(collector.reports())) == 1


@pytest.mark.parametrize(("status", "left"), [(202, 0), (400, 0), (413, 0), (429, 1), (500, 1), (302, 1)])
def test_what_comes_of_each_answer(scene: Scene, collector: Collector, status: int, left: int) -> None:
    scene.agree(collector.url)
    scene.count("command", name="ls")
    collector.answer(status)
    scene.send()
    assert len(spool.read(scene.places)) == left
    assert len(collector.requests()) == 1


def test_two_at_once_send_a_report_once(scene: Scene, collector: Collector) -> None:
    scene.agree(collector.url)
    scene.count("command", name="ls")
    with sending.holding(scene.places) as first, sending.holding(scene.places) as second:
        assert (first, second) == (True, False)
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); from harness.telemetry import Scene; import json\n"
        "from vestige.telemetry import sending\n"
        "scene = Scene(sys.argv[1])\n"
        "with sending.holding(scene.places) as ours:\n"
        "    if ours: sending.close_weeks(scene.places, __import__('datetime').date.today())\n"
        "    if ours: sending.send_due(scene.places, scene.around)\n"
    )
    tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    call = [sys.executable, "-c", code, scene.folder, tests]
    racing = [subprocess.Popen(call, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}) for _ in range(8)]
    assert [one.wait() for one in racing] == [0] * 8
    assert len(collector.reports()) == 1


# 11. Withdrawal deletes


def test_opting_out_removes_all_here_and_there(scene: Scene, collector: Collector) -> None:
    scene.agree(collector.url)
    scene.count("command", name="ls")
    scene.send()
    (entry,) = log.read(scene.places)
    said.store(scene.places.answers, said.load(scene.places.answers).withdrawn())
    with sending.holding(scene.places):
        gone = forgetting.forget(scene.places)
        (done,) = sending.send_deletions(scene.places, scene.around)
    assert (gone.weeks, gone.requests) == (1, 1)
    assert (done.report, done.is_done) == (entry.report, True)
    head = collector.requests()[-1][0]
    assert head.startswith(f"DELETE /v1/reports/{entry.report} HTTP/1.1")
    assert f"\r\nVestige-Deletion: {entry.token}" in head
    assert (
        scene.files()
        == ["collector/got.jsonl", "config/telemetry.json", "state/due", "state/lock", "state/log.jsonl"][1:]
    )
    assert [one.what for one in log.read(scene.places)] == ["deletion"]


def test_a_deletion_that_fails_is_tried_until_it_is_done(scene: Scene, collector: Collector) -> None:
    scene.agree(collector.url)
    scene.count("command", name="ls")
    collector.answer(0)  # it may have arrived: nobody knows
    scene.send()
    with sending.holding(scene.places):
        forgetting.forget(scene.places)
        assert [one.is_done for one in sending.send_deletions(scene.places, scene.around)] == [False]
    assert len(sending.deletions(scene.places)) == 1
    said.store(scene.places.answers, dataclasses.replace(said.load(scene.places.answers), mode="off"))
    collector.answer(404)
    assert [one.is_done for one in scene.send()] == [True]
    assert sending.deletions(scene.places) == []


# 12. The endpoint is the user's to choose


@pytest.mark.parametrize(
    "url",
    ["http://telemetry.example.org", "ftp://x", "https://", "https://me:word@x.org", "https://x.org/?a=b", "file://x/y",
     "https://x.org\r\nEvil: yes", "https://[", "http://127.0.0.1.evil.org", "/etc/passwd", "https://x .org"],
)  # fmt: skip
def test_only_https_this_machine_or_a_file_can_be_a_collector(url: str) -> None:
    with pytest.raises(TelemetryError):
        source.check_collector(url)
    assert source.check_collector("https://telemetry.example.org/team/") == "https://telemetry.example.org/team"


def test_variable_file_and_choice_name_the_collector(scene: Scene) -> None:
    with open(scene.around.admin_file, "w", encoding="ascii") as file:
        file.write('collector = "https://organisation.example.org"\n')
    assert source.own({}, scene.around).collector == "https://organisation.example.org"
    scene.name_collector("https://chosen.example.org")
    assert (
        source.own(said.load(scene.places.answers).collectors, scene.around).collector == "https://chosen.example.org"
    )
    changed(scene, environ={"VESTIGE_TELEMETRY_COLLECTOR": URL})
    assert source.own(said.load(scene.places.answers).collectors, scene.around).collector == URL


# 13. An organisation's switch


def test_one_file_of_the_administrator_disables_all(scene: Scene) -> None:
    scene.agree(URL)
    with open(scene.around.admin_file, "w", encoding="ascii") as file:
        file.write('mode = "off"\n')
    assert scene.standing().mode == "off"
    assert not standing.allows_sending(scene.around, said.load(scene.places.answers))


# 16. Answers that may be false, and reports that are histograms of a fixed form


def _with_an_answer(scene: Scene, epsilon: float = 1.0) -> Schema:
    def add(document: dict[str, Any]) -> None:
        said = {"question": "Is it so?", "owner": "me", "expires": "2100-01-01"}
        document["context"]["sensitive"] = {"type": "answer", "epsilon": epsilon, **said}

    return _schema(scene, add).schema


def _answer(schema: Schema, truth: str, drawn: reports.Draft) -> str:
    week = week_of(LAST_WEEK)
    made = reports.make(schema, drawn, week=week, counts=Counter(), context={"sensitive": truth}, day=TODAY)
    return str(json.loads(made.body)["context"]["sensitive"])


def test_an_answer_is_true_as_often_as_epsilon_says_and_its_share_is_known_all_the_same(scene: Scene) -> None:
    schema = _with_an_answer(scene)
    number, true_share = 3000, 0.25
    said = [_answer(schema, "yes" if index < number * true_share else "no", reports.drawn()) for index in range(number)]
    kept = sum(answer == "yes" for answer in said[: int(number * true_share)]) / (number * true_share)
    assert kept == pytest.approx(math.e / (1 + math.e), abs=5 * math.sqrt(0.2 / (number * true_share)))
    found = noise.estimate(said.count("yes"), number, 1.0)
    assert 0.02 < found.margin < 0.06
    assert found.share == pytest.approx(true_share, abs=3 * found.margin)


@pytest.mark.parametrize(
    ("yes", "share", "margin"),
    [(50, 0.5, 0.196), (60, 0.7, 0.392 * math.sqrt(0.24)), (25, 0.0, 0.392 * math.sqrt(0.1875)), (20, 0.0, 0.1568),
     (75, 1.0, 0.392 * math.sqrt(0.1875)), (99, 1.0, 0.392 * math.sqrt(0.0099))],
)  # fmt: skip
def test_a_share_and_how_far_it_may_be_off(yes: int, share: float, margin: float) -> None:
    # three of four answers are true: 75 of 100 say yes where all mean it, 25 where nobody does
    assert noise.estimate(yes, 100, math.log(3)) == pytest.approx((share, margin))


def test_no_share_is_farther_off_than_all_there_is() -> None:
    assert noise.estimate(2, 4, 0.1) == pytest.approx((0.5, 1.0))


def test_an_answer_is_drawn_once_a_week_so_that_the_preview_is_what_is_sent(scene: Scene) -> None:
    schema = _with_an_answer(scene, 0.01)  # nearly a coin
    drawn = [reports.drawn() for _ in range(40)]
    assert [_answer(schema, "yes", one) for one in drawn] == [_answer(schema, "yes", one) for one in drawn]
    assert {_answer(schema, "yes", one) for one in drawn} == {"yes", "no"}


def test_the_token_that_deletes_does_not_tell_whether_an_answer_was_true(scene: Scene) -> None:
    schema = _with_an_answer(scene, 0.01)
    same = [dataclasses.replace(reports.drawn(), report="1" * 32, token="2" * 64) for _ in range(40)]
    assert {_answer(schema, "yes", one) for one in same} == {"yes", "no"}


def test_answers_of_a_report_stay_within_one_budget_that_the_question_names(scene: Scene) -> None:
    document = _document()
    said = {"type": "answer", "epsilon": 0.6, "question": "?", "owner": "me", "expires": "2100-01-01"}
    document["context"] |= {"one": said, "other": said}
    with pytest.raises(TelemetryError, match="may come to 1 together"):
        parse(document)
    agreed = asking.words(source.Source(_with_an_answer(scene), "?", "https://it.example", "file"))
    assert "sensitive: yes or no, true in 73% of all reports" in agreed
    assert "together epsilon 1 a week, 1 at most" in agreed


@pytest.mark.parametrize("epsilon", [0, -1, 1.1, True, "1", None, math.inf])
def test_an_epsilon_beyond_the_budget_is_refused(epsilon: object) -> None:
    document = _document()
    said = {"question": "?", "owner": "me", "expires": "2100-01-01"}
    document["context"]["it"] = {"type": "answer", "epsilon": epsilon, **said}
    with pytest.raises(TelemetryError, match="epsilon"):
        parse(document)


def test_an_answer_stands_in_no_event() -> None:
    document = _document()
    document["events"]["command"]["fields"]["it"] = {"type": "answer", "epsilon": 1}
    with pytest.raises(TelemetryError, match="once a report"):
        parse(document)


def test_every_label_but_those_of_versions_can_be_listed() -> None:
    schema = load()
    fields = [*schema.context.values(), *(field for event in schema.events.values() for field in event.fields.values())]
    for field in fields:
        assert field.kind == "version" or 2 <= len(field.labels) <= 513
