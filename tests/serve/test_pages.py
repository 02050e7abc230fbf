"""What the pages say: the list, its filter and sort, output, where from and what for."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import re
import threading
import time
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from harness.kept import Store, used
from harness.waiting import until
from serve.conftest import HOSTILE
from serve.servers import serving_runs

from vestige.history.uses import Places, Uses
from vestige.record import codec, place
from vestige.serve import descent
from vestige.store.runs import RunFolder, Runs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from serve.servers import Serving

    from vestige.record.model import FileClass


def ids(page: str) -> list[str]:
    """Return the ids of the runs that a page lists."""
    return re.findall(r'name="run" value="([^"]+)"', page)


def commands(page: str) -> list[str]:
    return [unescape(found) for found in re.findall(r'class="words"><code>(.*?)</code>', page)]


def test_all_runs_newest_first_page_by_page(served: Serving, store: Store) -> None:
    pages = [served.client.get("/", params={"page": page}).text for page in (1, 2, 3)]
    assert [each for page in pages for each in ids(page)] == store.ids[::-1]
    assert "120 runs" in pages[0]
    assert "page 3 of 3" in pages[2]
    assert ids(served.client.get("/", params={"page": 9}).text) == []


@pytest.mark.parametrize("page", ["0", "-1", "x", "²", "9" * 30])
def test_what_is_no_page_is_the_first(served: Serving, store: Store, page: str) -> None:
    assert ids(served.client.get("/", params={"page": page}).text) == store.ids[:-51:-1]


@pytest.mark.parametrize(
    ("words", "count"),
    [("", 120), ("failed", 12), ("step 04", 12), ("STEP", 116), ("train", 1), ("not failed and command ~ 'step'", 104),
     ("status = running", 0), ("exit_code = 1 or command = 'train model'", 13), ("no such thing", 0)],
)  # fmt: skip
def test_a_filter_is_words_or_an_expression(served: Serving, words: str, count: int) -> None:
    text = served.client.get("/", params={"where": words}).text
    said = {0: "No runs", 1: "One run"}.get(count, f"{count} runs")
    assert f'<p aria-live="polite">{said}' in text
    assert len(ids(text)) == min(count, 50)


@pytest.mark.parametrize("words", ["peak_memory >", "foo = 1", "command ~ '('", "(" * 200])
def test_a_filter_that_is_off_is_explained(served: Serving, words: str) -> None:
    answer = served.client.get("/", params={"where": words})
    assert answer.status_code == 200
    assert 'role="alert"' in answer.text
    assert ids(answer.text) == []


def test_a_list_is_sorted_both_ways(served: Serving, store: Store) -> None:
    up = served.client.get("/", params={"sort": "command", "where": "step"}).text
    assert commands(up) == [f"step {number:03}" for number in range(50)]
    assert 'aria-sort="ascending"' in up
    down = served.client.get("/", params={"sort": "command", "where": "step", "turned": 1}).text
    assert commands(down) == [f"step {number:03}" for number in range(115, 65, -1)]
    oldest = served.client.get("/", params={"turned": 1}).text
    assert ids(oldest) == store.ids[:50]
    unknown = served.client.get("/", params={"sort": "__class__"}).text
    assert ids(unknown) == store.ids[:-51:-1]


def test_links_of_a_list_keep_what_was_asked(served: Serving) -> None:
    text = served.client.get("/", params={"where": "command ~ 'step'", "sort": "command"}).text
    onward = unescape(re.findall(r'rel="next" href="([^"]+)"', text)[0])
    second = served.client.get(onward).text
    assert commands(second) == [f"step {number:03}" for number in range(50, 100)]


def test_what_a_hostile_hand_wrote_is_shown(served: Serving, store: Store) -> None:
    run = store.ids[3]
    quoted = quote(HOSTILE)
    for path in ("/?where=echo", f"/runs/{run}", f"/runs/{run}/lineage", f"/?where={quoted}", f"/runs/{quoted}"):
        text = served.client.get(path).text
        assert "<script>document" not in text
        assert "<img" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "&lt;script&gt;document.title" in served.client.get("/?where=echo").text


def test_where_a_run_stands_among_the_others(served: Serving, store: Store) -> None:
    clean, train, render = store.ids[:3]
    near = served.client.get(f"/runs/{train}/lineage", params={"depth": 1}).text
    assert all(f"/runs/{run}/lineage?depth=1" in near for run in (clean, train, render))
    for path in ("/data/raw.csv", "/data/clean.csv", "/data/model", "/data/report.pdf"):
        assert path in near
    said = re.findall(r"<tr><td><code>(.*?)</code></td><td>(.*?)</td><td><code>(.*?)</code></td></tr>", near)
    assert (f"{clean[-8:]} clean raw", "wrote", "/data/clean.csv") in said
    assert (f"{train[-8:]} train model", "read", "/data/clean.csv") in said
    assert (f"{render[-8:]} render report", "read", "/data/model") in said


def test_a_lineage_goes_as_far_as_asked(served: Serving, store: Store) -> None:
    clean, train, render = store.ids[:3]
    near = served.client.get(f"/runs/{clean}/lineage", params={"depth": 1}).text
    assert f"/runs/{train}/lineage" in near
    assert f"/runs/{render}/lineage" not in near
    assert "There is more than is shown" in near
    far = served.client.get(f"/runs/{clean}/lineage", params={"depth": 4}).text
    assert f"/runs/{render}/lineage" in far
    assert "There is more than is shown" not in far
    odd = served.client.get(f"/runs/{clean}/lineage", params={"depth": "999999"}).text
    assert f"/runs/{render}/lineage?depth=2" in odd


def test_a_lineage_is_bounded(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run = store.run(*[used("output", f"/data/{number}", b"%d" % number) for number in range(300)])
    for number in range(100):
        store.run(used("input", "/data/0", b"0"), argv=("read", str(number)))
    with serving_runs(store.runs) as served:
        text = served.client.get(f"/runs/{run}/lineage", params={"depth": 8}).text
    assert text.count('<g class="run') <= 60
    assert text.count('<g class="file') <= 13
    assert "There is more than is shown" in text


def test_output_is_a_download_of_plain_text(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run = store.run(argv=("talk",))
    said = b"<script>alert(1)</script>\x1b[2J\xff\x00" * 30_000
    (store.folder(run) / "stdout").write_bytes(said)
    os.symlink("/etc/passwd", store.folder(run) / "stderr")
    with serving_runs(store.runs) as served:
        answer = served.client.get(f"/runs/{run}/stdout")
        assert answer.content == said
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.headers["content-disposition"] == 'attachment; filename="vestige-stdout.txt"'
        assert answer.headers["x-content-type-options"] == "nosniff"
        for name in ("stderr", "record.json", "other"):
            assert served.client.get(f"/runs/{run}/{name}").status_code == 404
        (store.folder(run) / "stderr").unlink()
        os.mkfifo(store.folder(run) / "stderr")
        assert served.client.get(f"/runs/{run}/stderr").status_code == 404


def test_a_new_run_is_there_at_the_next_look(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.run(argv=("first",))
    with serving_runs(store.runs) as served:
        assert commands(served.client.get("/").text) == ["first"]
        store.run(argv=("second",))
        time.sleep(0.6)  # it looks twice a second
        assert commands(served.client.get("/").text) == ["second", "first"]


def test_an_empty_store_and_one_that_can_not_be_written(tmp_path: Path) -> None:
    with serving_runs(Runs((place.Store(str(tmp_path / "none"), "option"),))) as served:
        assert "No runs" in served.client.get("/").text
    store = Store(tmp_path / "kept")
    run = store.run(argv=("only",))
    folders = [*(str(path) for path in (tmp_path / "kept").rglob("*") if path.is_dir()), str(tmp_path / "kept")]
    for folder in folders:
        os.chmod(folder, 0o555)  # noqa: S103 - all may read it
    try:
        with serving_runs(store.runs) as served:
            assert commands(served.client.get("/").text) == ["only"]
            assert served.client.get(f"/runs/{run}/lineage").status_code == 200
    finally:
        for folder in folders:
            os.chmod(folder, 0o755)  # noqa: S103


def test_a_run_that_was_removed_is_not_there(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run = store.run(argv=("gone",))
    with serving_runs(store.runs) as served:
        store.runs.remove(store.runs.find(run))
        assert served.client.get(f"/runs/{run}").status_code == 404
        assert served.client.get(f"/runs/{run}/lineage").status_code == 404


def test_a_damaged_record_is_no_end_of_the_server(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run = store.run(argv=("well",))
    damaged = store.run(argv=("damaged",))
    (store.folder(damaged) / "record.json").write_bytes(b"{" * 100_000)
    with serving_runs(store.runs) as served:
        assert commands(served.client.get("/").text) == ["well"]
        assert served.client.get(f"/runs/{damaged}").status_code == 404
        assert served.client.get(f"/runs/{damaged[-8:]}").status_code == 422
        assert served.client.get(f"/runs/{run}").status_code == 200


def test_a_lineage_seen_while_a_run_went_on_knows_its_files_when_it_has_ended(tmp_path: Path) -> None:
    store = Store(tmp_path)
    writer = store.run(argv=("writer",), status="running", ended=None)
    reader = store.run(used("input", "/data/table", b"t"), argv=("reader",))
    events = store.folder(writer) / "events.jsonl"
    ended = dataclasses.replace(RunFolder(str(store.folder(reader))).load(), id=writer, argv=("writer",))
    with open(events, "rb") as recorder:
        fcntl.flock(recorder, fcntl.LOCK_EX)  # as a recorder at work does
        with serving_runs(store.runs) as served:
            assert "reader" not in served.client.get(f"/runs/{writer}/lineage").text
            (store.folder(writer) / "files.jsonl").write_bytes(codec.line(used("output", "/data/table", b"t")))
            (store.folder(writer) / "record.json").write_bytes(codec.record_text(ended))
            time.sleep(0.6)  # it looks twice a second
            assert f"/runs/{reader}/lineage" in served.client.get(f"/runs/{writer}/lineage").text


def test_a_lineage_that_takes_long_to_find_says_so_and_comes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over very many runs the first one takes longer than a connection may wait for its answer."""
    store = Store(tmp_path)
    store.run(used("output", "/data/table", b"t"), argv=("writer",))
    run = store.run(used("input", "/data/table", b"t"), argv=("reader",))
    may_read, places = threading.Event(), Uses.places

    def late(uses: Uses, *groups: Sequence[FileClass]) -> list[Places]:
        may_read.wait(20)
        return places(uses, *groups)

    monkeypatch.setattr(descent, "_PATIENCE", 0.01)
    monkeypatch.setattr(Uses, "places", late)
    with serving_runs(store.runs) as served:
        early = served.client.get(f"/runs/{run}/lineage")
        assert early.status_code == 200
        assert 'http-equiv="refresh"' in early.text
        assert "is being looked up" in early.text
        may_read.set()
        until(lambda: "writer" in served.client.get(f"/runs/{run}/lineage").text, "the runs to be read", limit=20)
        assert 'http-equiv="refresh"' not in served.client.get(f"/runs/{run}/lineage").text


def test_a_fault_while_runs_are_read_aside_is_told_and_not_tried_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that comes again by itself would else read all runs again and again, and never say why."""
    store = Store(tmp_path)
    run = store.run(used("output", "/data/table", b"t"), argv=("writer",))

    def broken(_: Uses, *__: Sequence[FileClass]) -> list[Places]:
        raise MemoryError

    monkeypatch.setattr(Uses, "places", broken)
    with serving_runs(store.runs) as served:
        answer = served.client.get(f"/runs/{run}/lineage")
    assert answer.status_code == 500
    assert "MemoryError" in answer.text
    assert 'http-equiv="refresh"' not in answer.text
