"""Which runs words mean: ids, tags, `last`, revisions of Git, logs; and what is said where they mean none."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from harness import repositories
from harness.command import CHECKOUT
from harness.kept import Store

from vestige.cli import dispatch
from vestige.cli.commands import compare
from vestige.compare import naming
from vestige.errors import RunNotFoundError, VestigeError
from vestige.history.all_runs import AllRuns

if TYPE_CHECKING:
    from pathlib import Path

    from harness.command import Vestige
    from harness.repositories import Repository

LOG = os.path.join(CHECKOUT, "tests", "records", "con-duct", "0.2.3")


@pytest.fixture
def repository(vestige: Vestige) -> Repository:
    made = repositories.make(vestige)
    made.write("in.txt", "1\n")
    made.save()
    return made


def compared(vestige: Vestige, *words: str) -> dict[str, Any]:
    done = vestige.call("compare", "--json", *words)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def four(vestige: Vestige) -> Vestige:
    """Give runs `true` and `false`, twice each in turn, tagged `good` and `bad`."""
    for _ in range(2):
        vestige.run("true", options=("--tag", "good"))
        vestige.run("false", options=("--tag", "bad"))
    return vestige


@pytest.mark.parametrize(
    ("groups", "sizes"),
    [
        ([["last~1", "last"]], {"last~1": 1, "last": 1}),
        ([["last~2", "last~1", "last"]], {"last~2": 1, "last~1": 1, "last": 1}),
        ([["tag:good", "tag:bad"]], {"tag:good": 2, "tag:bad": 2}),
        ([["last", "last~2"], ["tag:good"]], {"last last~2": 2, "tag:good": 2}),
        ([["last", "last"], ["tag:bad", "last"]], {"last last": 1, "tag:bad last": 2}),
    ],
)
def test_words(store: Store, groups: list[list[str]], sizes: dict[str, int]) -> None:
    found = naming.sides(AllRuns(store.runs, ()), None, groups)
    assert {side.name: len(side.runs) for side in found} == sizes


def test_a_tag_alone_makes_each_of_its_runs_a_side(store: Store) -> None:
    found = naming.sides(AllRuns(store.runs, ()), None, [["tag:good"]])
    assert [side.runs[0].load().id for side in found] == [store.ids[0], store.ids[2]]


def test_a_run_alone_is_compared_with_the_one_like_it(store: Store) -> None:
    found = naming.sides(AllRuns(store.runs, ()), None, [["last"]])
    assert [side.runs[0].load().id for side in found] == [store.ids[1], store.ids[3]]
    with pytest.raises(RunNotFoundError, match="no earlier run of the same command"):
        naming.sides(AllRuns(store.runs, ()), None, [["last~3"]])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path)
    for _ in range(2):
        made.run(argv=("true",), tags=("good",))
        made.run(argv=("false",), tags=("bad",), code=1)
    return made


def test_outcomes_differ(four: Vestige) -> None:
    found = compared(four, "tag:good", "--vs", "tag:bad")
    assert [(side["name"], len(side["runs"])) for side in found["sides"]] == [("tag:good", 2), ("tag:bad", 2)]
    (outcome,) = [each for each in found["differences"] if each["topic"] == "outcome"]
    assert outcome["values"] == ["ok", "exit 1"]


def test_log_of_con_duct(vestige: Vestige) -> None:
    (log,) = [os.path.join(LOG, name) for name in os.listdir(LOG) if name.endswith("info.json")]
    vestige.run("true")
    found = compared(vestige, "last", log)
    assert found["sides"][1]["logs"] == [log]
    assert not found["sides"][1]["watched"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("last", "nobody"), "no run `nobody`"),
        (("tag:none",), "no run has the tag `none`"),
        (("last", ""), "no run is named"),
        (("last", "last", "--fail-over", "fast"), "`--fail-over` can't be `fast`"),
        (("last", "last", "-o", "x.pdf"), "its name ends in .html, .md, .json"),
    ],
)
def test_what_means_nothing(store: Store, words: tuple[str, ...], said: str) -> None:
    parsed = dispatch.parser_of("compare").parse([*words, "--store", str(store.path)])
    with pytest.raises(VestigeError, match=said):
        compare.execute(parsed)


def test_revisions(repository: Repository) -> None:
    for text in ("1", "22"):
        repository.run("sh", "-c", f"cat in.txt; echo {text} > out.txt", options=("--commit", "-m", text))
    found = compared(repository.vestige, "HEAD~1", "HEAD")
    assert [side["command"] for side in found["sides"]] == [
        f"sh -c 'cat in.txt; echo {text} > out.txt'" for text in ("1", "22")
    ]
    assert {"outputs", "parameters"} <= {each["topic"] for each in found["differences"]}
    runs = [side["runs"] for side in found["sides"]]
    assert runs == [side["runs"] for side in compared(repository.vestige, "git:HEAD~1", "git:HEAD")["sides"]]


def test_revision_whose_run_is_not_kept_here(repository: Repository) -> None:
    for text in ("2", "3"):
        repository.write("in.txt", text)
        repository.save()
        command = f"cat in.txt > out.txt; echo {len(text)} > other.txt; date +%s%N > time.txt"
        repository.run("sh", "-c", command, options=("--commit", "-m", text))
    kept = compared(repository.vestige, "HEAD~2", "HEAD")
    repository.vestige.call("rm", "--yes", "last", "last~1")
    found = compared(repository.vestige, "HEAD~2", "HEAD")
    assert [side["runs"] for side in found["sides"]] == [side["runs"] for side in kept["sides"]]
    walls = [run["figures"][0]["sides"][1]["figure"]["value"] for run in (kept, found)]
    assert walls[0] == pytest.approx(walls[1], abs=1e-5)
    assert [each["name"] for each in found["differences"] if each["topic"] == "outputs"] == ["out.txt", "time.txt"]


def test_commit_without_a_run(repository: Repository) -> None:
    done = repository.vestige.call("compare", "git:HEAD", "git:HEAD")
    assert (done.returncode, b"records no run" in done.stderr) == (2, True)


def test_show_takes_a_commit_as_compare_does(repository: Repository) -> None:
    repository.run("sh", "-c", "cat in.txt > out.txt", options=("--commit",))
    repository.run("true")
    for word in ("HEAD", "git:HEAD"):
        done = repository.vestige.call("show", "--json", word)
        assert json.loads(done.stdout)["argv"] == ["sh", "-c", "cat in.txt > out.txt"], done.stderr
    refused = repository.vestige.call("show", "HEAD~1")
    assert refused.returncode == 2
    assert b"records no run" in refused.stderr
