"""A run as it happens: followed without a second reading, bounded, and shown with what is known so far."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

import pytest
from harness.waiting import until
from serve.servers import serving_runs

from vestige.record import place
from vestige.record.model import Exit, Record
from vestige.serve import following, frame, pages
from vestige.serve.following import Alive, Follower, Following, Look
from vestige.serve.growing import HEIGHT, WIDTH, growing, remaining
from vestige.store.runs import Runs

if TYPE_CHECKING:
    from pathlib import Path

    from harness.command import Vestige

SECOND = 1_000_000_000
RUNNING = Record(id=place.new_id(), argv=("a",), cwd="/", status="running", started="2026-01-01T00:00:00.000000Z",
                 ended=None, exit=Exit(), vestige="0", machine=None, environment={})  # fmt: skip


def event(seq: int, seconds: float, kind: str, **keys: object) -> bytes:
    said = {"seq": seq, "t": int(seconds * SECOND), "event": kind, **keys}
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


def sample(seq: int, seconds: float, rss: int) -> bytes:
    cpu = int(seconds * SECOND / 2)
    return event(seq, seconds, "sample", processes=1, cpu_ns=cpu, rss=[rss] * 3, pss=rss, read_chars=0, write_chars=0)


def test_it_reads_on_from_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    cut = sample(4, 2.0, 2_000_000)
    path.write_bytes(event(0, 0, "begin") + event(1, 1, "start", pid=7) + event(2, 1, "exec", pid=7, argv=["a"])
                     + event(3, 1.5, "open", pid=7, path="/x") + cut[:40])  # fmt: skip
    follower = Follower(str(path))
    first = follower.look()
    assert first.alive == (Alive(("a",), 0.0),)
    assert (first.programs, first.files, first.points, first.behind) == (1, 1, (), 0)
    with path.open("ab") as file:
        file.write(cut[40:] + event(5, 3, "exec", pid=8, argv=["b"]) + event(6, 4, "exit", pid=7, status=0))
    second = follower.look()
    assert second.alive == (Alive(("b",), 2.0),)
    assert [point.pss for point in second.points] == [2_000_000]
    assert second.last == 3.0


def test_a_look_reads_only_so_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_AT_ONCE", 1000)
    path = tmp_path / "events.jsonl"
    path.write_bytes(event(0, 0, "start", pid=1) + b"".join(sample(n, n / 10, 1000 * n) for n in range(1, 100)))
    follower = Follower(str(path))
    behind = [follower.look().behind for _ in range(30)]
    assert behind == sorted(behind, reverse=True)
    assert behind[0] == path.stat().st_size - 1000
    assert behind[-1] == 0
    assert len(follower.look().points) == 99


@pytest.mark.parametrize(
    "line",
    [b"x" * 10_000, b'{"event":"sample"', b'{"event":"sample","rss":"x","t":1}', b'{"event":"exec","pid":-1}',
     b"\xff\xfe", b'{"seq":1,"t":-5,"event":"start","pid":"x"}', b'{"event":"sample","t":1,"rss":[1,2]}', b"[" * 9_000],
)  # fmt: skip
def test_lines_of_a_hostile_hand_are_passed_over(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(event(0, 0, "start", pid=1) + line + b"\n" + sample(2, 1, 5000))
    look = Follower(str(path)).look()
    assert [point.rss_max for point in look.points] == [5000]


def test_what_is_no_file_blocks_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "events.jsonl")
    assert Following().look(str(tmp_path)) == Look()
    assert Following().look(str(tmp_path / "none")) == Look()


def test_many_pages_of_one_run_cost_one(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(event(0, 0, "start", pid=1) + sample(1, 1, 5000))
    now = [0.0]
    many = Following(clock=lambda: now[0])
    first = many.look(str(tmp_path))
    with path.open("ab") as file:
        file.write(sample(2, 2, 6000))
    assert many.look(str(tmp_path)) is first
    now[0] += 1
    assert len(many.look(str(tmp_path)).points) == 2


@pytest.mark.parametrize(
    ("elapsed", "earlier", "words"),
    [
        (10, (), ""),
        (10, (60,), "about 50.0 s to go: 1 earlier run took 60.0 s (median)"),
        (10, (10, 20), "about 5.00 s to go: 2 earlier runs took 15.0 s (median)"),
        (10, (10, 20, 30), "about 10.0 s to go: 3 earlier runs took 20.0 s (median)"),
        (25, (10, 20, 30), "longer than the 20.0 s (median) of 3 earlier runs; the longest took 30.0 s"),
    ],
)
def test_how_long_it_may_go_on(elapsed: float, earlier: tuple[float, ...], words: str) -> None:
    assert remaining(elapsed, earlier) == words


def test_shapes_stay_within_their_chart(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(event(0, 0, "start", pid=1) + b"".join(sample(n, n / 10, 1000 * n) for n in range(1, 3000)))
    shown = growing(RUNNING, Follower(str(path)).look(), state="running", earlier=(), began=0.0)
    memory = shown.charts[0]
    (shape,) = memory.shapes
    corners = [tuple(map(float, pair.split())) for pair in shape.line[1:].split("L")]
    assert 300 <= len(corners) <= 1300
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in corners)
    assert corners[-1] == (WIDTH, 0.0)
    assert memory.top == "3.00 MB"
    assert len(json.dumps(shape.line)) < 30_000


@pytest.mark.needs("recorder")
def test_a_run_grows_and_ends(vestige: Vestige) -> None:
    runs = Runs((place.Store(vestige.store, "option"),))
    script = "import sys\nkept = []\nfor line in sys.stdin:\n  kept += [bytearray(5_000_000)]\n  print(1, flush=True)"
    with vestige.start("python", "-c", script, options=("--capture", "all"), stdin=-1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"1\n")
        process.stdin.flush()
        process.stdout.readline()
        (folder,) = runs.newest_first()
        with serving_runs(runs) as served:
            run = folder.load().id
            page = served.client.get(f"/runs/{run}").text
            assert f'data-source="/runs/{run}/live.json"' in page
            assert "Running for" in page
            assert "running" in served.client.get("/", params={"where": "status = running"}).text

            def points() -> int:
                now = served.client.get(f"/runs/{run}/live.json").json()
                assert now["state"] == "running"
                return len(now["charts"][0]["shapes"][0]["line"].split("L")) if now["charts"][0]["shapes"] else 0

            until(lambda: points() > 2, "the first looks", limit=20)
            before = points()
            until(lambda: points() > before, "the chart to grow", limit=20)
            now = served.client.get(f"/runs/{run}/live.json").json()
            assert now["alive"][0][0].startswith("python -c ")
            assert served.client.get(f"/runs/{run}/stdout").content == b"1\n"
            process.communicate(b"2\n", timeout=30)
            until(lambda: served.client.get(f"/runs/{run}/live.json").json()["state"] == "ended", "its end", limit=60)
            assert "live.json" not in served.client.get(f"/runs/{run}").text


def test_a_run_that_nobody_has_looked_at_yet_has_a_page(tmp_path: Path) -> None:
    """Between the start of a command and the first look at it there is no point for any chart."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(event(0, 0, "begin") + event(1, 1, "start", pid=7))
    look = Follower(str(path)).look()
    now = growing(RUNNING, look, state="running", earlier=(), began=0.0)
    assert not any(chart.shapes for chart in now.charts)
    page = bytes(frame.page("growing.html", here="run", record=RUNNING, short="1", started="", now=now,
                            state_words=pages.STATES, roles=pages.ROLES, streams=()).body)  # fmt: skip
    assert page.count(b'class="growing"') == len(now.charts)


@pytest.mark.needs("recorder")
def test_a_log_of_con_duct_is_a_run_among_others(vestige: Vestige, tmp_path: Path) -> None:
    vestige.call("duct", "sh", "-c", "echo said")
    none = Runs((place.Store(str(tmp_path / "none"), "option"),))
    with serving_runs(none, (vestige.path(".duct/logs"),)) as served:
        listed = served.client.get("/").text
        assert '<span class="tag">con-duct</span>' in listed
        (run,) = re.findall(r'name="run" value="([^"]+)"', listed)
        assert "echo said" in served.client.get(f"/runs/{run}").text
        assert served.client.get(f"/runs/{run}/stdout").content == b"said\n"
        assert served.client.get(f"/runs/{run}/live.json").json() == {"state": "ended"}
        assert "con-duct looks at none" in served.client.get(f"/runs/{run}/lineage").text


@pytest.mark.needs("recorder")
def test_the_oldest_is_what_others_are_compared_with_whoever_recorded_it(vestige: Vestige) -> None:
    store = place.Store(vestige.path("apart"), "option")  # else the log is taken for a view of the run that wrote it
    vestige.call("run", "--store", store.path, "true")
    vestige.call("duct", "true")
    with serving_runs(Runs((store,)), (vestige.path(".duct/logs"),)) as served:
        ids = re.findall(r'name="run" value="([^"]+)"', served.client.get("/").text)
        page = served.client.get("/compare", params={"run": ids}).text
    (folder,) = os.listdir(store.runs)
    assert len(ids) == 2
    assert f"<h1>{folder[-8:]} beside" in page
