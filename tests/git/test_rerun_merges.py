"""Reruns of histories with branches and merges: what is made again has the same shape.

In the drawings `_n` is a commit without a run, `_r` one with a run; of those that a rerun makes, `_R` is a run made
again, `_C` a commit taken over, `_M` a merge made again. The first parent of a merge stands straight below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.rerunning import History

if TYPE_CHECKING:
    from harness.repositories import Repository

pytestmark = pytest.mark.needs("recorder", "git")
ALL = "--since="
FROM_THE_FIRST = "--onto="


@pytest.fixture
def history(repository: Repository) -> History:
    return History(repository)


def fork(history: History) -> None:
    """Leave a branch `side` here, and go on with it."""
    history.git("checkout", "--quiet", "-b", "side")


def back(history: History) -> None:
    history.git("checkout", "--quiet", "main")


def two_runs(history: History) -> None:
    r"""Make a run on each side.

    d_n
    |\
    c_r | b_r
    |/
    a_n
    """
    fork(history)
    history.ran("echo foo > foo")
    back(history)
    history.ran("echo bar > bar")
    history.merge("side")


class TestAMergeThatCouldBeAFastForward:
    r"""History: c_n merges b_r (side) into a_n."""

    @pytest.fixture(autouse=True)
    def made(self, history: History) -> None:
        fork(history)
        history.ran("echo foo > foo")
        back(history)
        history.merge("side")

    def test_from_the_first_run_on_it_is_made_again(self, history: History) -> None:
        history.reran(ALL, FROM_THE_FIRST)
        assert history.branch == "HEAD"
        assert history.id("HEAD^") == history.id("main^")
        assert history.id("HEAD^2") != history.id("main^2")
        assert history.id("HEAD^2^") == history.id("main^")

    def test_onto_the_tip_of_the_side_there_is_nothing_but_the_side(self, history: History) -> None:
        history.reran(ALL, "--onto=main^2")
        assert history.head == history.id("main^2")

    def test_with_the_same_results_nothing_moves(self, history: History) -> None:
        before = history.state()
        assert history.reran(ALL) == [f"{history.id('side')[:10]} = same result"]
        assert history.state() == before


class TestAChangingRunOnTheSide:
    @pytest.fixture(autouse=True)
    def made(self, history: History) -> None:
        fork(history)
        history.ran("echo foo >> foo")
        back(history)
        history.merge("side")

    def test_it_comes_on_top_of_the_merge(self, history: History) -> None:
        before = history.head
        history.reran(ALL)
        assert history.branch == "main"
        assert history.id("main^") == before
        assert not history.has("main^2")
        assert history.repository.read("foo") == "foo\nfoo\n"

    def test_or_on_top_of_the_side_and_is_merged_into_that(self, history: History) -> None:
        history.reran(ALL, "--onto=main^2")
        assert history.id("HEAD^") == history.id("HEAD^2^") == history.id("main^2")


class TestARunOnEachSide:
    @pytest.fixture(autouse=True)
    def made(self, history: History) -> None:
        two_runs(history)

    def test_from_the_first_run_on_all_is_made_again(self, history: History) -> None:
        history.reran(ALL, FROM_THE_FIRST)
        assert history.id("HEAD^") != history.id("main^")
        assert history.id("HEAD^2") != history.id("main^2")
        assert history.id("HEAD^^") == history.id("HEAD^2^") == history.id("main^^")
        assert history.git("ls-tree", "--name-only", "HEAD^", "HEAD^2", "bar", "foo") == "bar"
        assert history.git("diff", "main", "HEAD") == ""
        assert history.git("log", "-1", "--format=%B") == history.git("log", "-1", "--format=%B", "main")

    def test_onto_the_left_one_only_the_right_one_is_made_again(self, history: History) -> None:
        history.reran(ALL, "--onto=main^")
        assert history.id("HEAD^") == history.id("main^")
        assert history.id("HEAD^2") != history.id("main^2")
        assert history.id("HEAD^2^") == history.id("main^")

    def test_with_the_same_results_nothing_moves(self, history: History) -> None:
        before = history.state()
        history.reran(ALL)
        assert history.state() == before

    def test_a_side_that_is_left_out_stays_a_parent(self, history: History) -> None:
        history.reran("HEAD", "--since=main^2", FROM_THE_FIRST)
        assert history.head != history.id("main")
        assert history.id("HEAD^") != history.id("main^")
        assert history.id("HEAD^2") == history.id("main^2")

    def test_on_a_branch(self, history: History) -> None:
        before = history.git("for-each-ref")
        history.reran(ALL, FROM_THE_FIRST, "--branch", "again")
        assert history.branch == "again"
        assert history.has("again^2")
        assert history.git("diff", "main", "again") == ""
        assert set(before.splitlines()) < set(history.git("for-each-ref").splitlines())
        assert history.repository.state().status == ()


def test_two_changing_runs_are_made_again_side_by_side_and_merged(history: History) -> None:
    r"""d_M merges b_R and c_R, both of which begin at d_n."""
    fork(history)
    history.ran("echo foo >> foo")
    back(history)
    history.ran("echo bar >> bar")
    before = history.merge("side")
    history.reran(ALL)
    assert history.branch == "main"
    assert history.id("HEAD^^") == history.id("HEAD^2^") == before
    assert history.repository.read("foo") == "foo\nfoo\n"
    assert history.repository.read("bar") == "bar\nbar\n"
    assert history.repository.state().status == ()


def test_a_steady_run_and_a_changing_one(history: History) -> None:
    fork(history)
    history.ran("echo foo >> foo")
    back(history)
    history.ran("echo bar > bar")
    before = history.merge("side")
    history.reran(ALL)
    assert history.id("main^") == before


class TestARunOnTheRightOnly:
    r"""d_n merges c_r into b_n; both begin at a_n."""

    @pytest.fixture(autouse=True)
    def made(self, history: History) -> None:
        fork(history)
        history.ran("echo foo > foo")
        back(history)
        history.wrote("plain")
        history.merge("side")

    def test_the_plain_commit_stays_what_it_is(self, history: History) -> None:
        history.reran(ALL, FROM_THE_FIRST)
        assert history.id("HEAD^") == history.id("main^")
        assert history.id("HEAD^2") != history.id("main^2")

    def test_also_where_the_range_says_so(self, history: History) -> None:
        history.reran("--since=main~2", FROM_THE_FIRST)
        assert history.id("HEAD^") == history.id("main^")
        assert history.id("HEAD^2") != history.id("main^2")

    def test_onto_the_run_all_is_as_it_was(self, history: History) -> None:
        history.reran(ALL, "--onto=main^2")
        assert history.branch == "HEAD"
        assert history.head == history.id("main")

    def test_with_the_same_results_nothing_moves(self, history: History) -> None:
        before = history.state()
        history.reran(ALL)
        assert history.state() == before


class TestARunOnTheLeftOnly:
    r"""d_n merges c_n into b_r; both begin at a_n."""

    @pytest.fixture(autouse=True)
    def made(self, history: History) -> None:
        history.ran("echo foo > foo")
        history.git("checkout", "--quiet", "-b", "side", "main~")
        history.wrote("plain")
        back(history)
        history.merge("side")

    def test_the_plain_commit_stays_what_it_is(self, history: History) -> None:
        history.reran(ALL, FROM_THE_FIRST)
        assert history.id("HEAD^") != history.id("main^")
        assert history.id("HEAD^2") == history.id("main^2")

    def test_onto_the_plain_commit_it_becomes_one_line(self, history: History) -> None:
        history.reran(ALL, "--onto=main^2")
        assert not history.has("HEAD^2")
        assert history.id("HEAD^") == history.id("main^2")

    def test_with_the_same_results_nothing_moves(self, history: History) -> None:
        before = history.state()
        history.reran(ALL)
        assert history.state() == before


class TestARunBeforeTheFork:
    r"""e_n merges d_n into c_n; both begin at b_r, which begins at a_n."""

    @pytest.fixture(autouse=True)
    def made(self, history: History) -> None:
        history.ran("echo foo >> foo")
        history.wrote("plain0")
        history.git("checkout", "--quiet", "-b", "side", "main~")
        history.wrote("plain1")
        back(history)
        history.merge("side")

    def test_what_follows_is_taken_over_and_merged(self, history: History) -> None:
        said = history.reran(ALL, FROM_THE_FIRST)
        assert history.id("HEAD^") != history.id("main^")
        assert history.id("HEAD^2") != history.id("main^2")
        assert history.id("HEAD^^") == history.id("HEAD^2^")
        assert history.git("diff", "main", "HEAD") == ""
        assert sum(" picked as " in line for line in said) == 2
        assert sum(" merged as " in line for line in said) == 1

    def test_onto_a_later_commit_it_becomes_one_line(self, history: History) -> None:
        history.reran(ALL, "--onto=main^2")
        assert not history.has("HEAD^2")
        assert history.id("HEAD~2") == history.id("main^2")

    def test_on_what_is_checked_out_it_comes_on_top(self, history: History) -> None:
        before = history.head
        history.reran(ALL)
        assert history.id("main^") == before
        assert not history.has("main^2")


def orphan(history: History) -> None:
    """Begin a branch `side` with a first commit of its own."""
    history.git("checkout", "--quiet", "--orphan", "side")
    history.repository.save("squashed")


UNRELATED = ("--allow-unrelated-histories",)


class TestUnrelatedHistories:
    def test_with_a_run_on_the_left(self, history: History) -> None:
        history.ran("echo foo > foo")
        history.git("checkout", "--quiet", "main~")
        orphan(history)
        back(history)
        history.merge("side", words=UNRELATED)
        history.reran(ALL, FROM_THE_FIRST)
        assert history.id("HEAD^") != history.id("main^")
        assert history.id("HEAD^2") == history.id("main^2")
        assert not history.has("HEAD^2^")
        back(history)
        history.reran(ALL, "--onto=main^2")
        assert not history.has("HEAD^2")
        assert history.id("HEAD^") == history.id("main^2")
        back(history)
        before = history.state()
        history.reran(ALL)
        assert history.state() == before

    def test_with_a_changing_run_on_the_left(self, history: History) -> None:
        history.ran("echo foo >> foo")
        history.git("checkout", "--quiet", "main~")
        orphan(history)
        back(history)
        before = history.merge("side", words=UNRELATED)
        history.reran(ALL)
        assert history.id("main^") == before

    def test_with_a_run_on_the_right(self, history: History) -> None:
        orphan(history)
        history.ran("echo foo > foo")
        back(history)
        history.merge("side", words=UNRELATED)
        history.reran(ALL, FROM_THE_FIRST)
        assert history.id("HEAD^") == history.id("main^")
        assert history.id("HEAD^2") != history.id("main^2")
        assert history.id("HEAD^2^") == history.id("main^2^")
        back(history)
        history.reran(ALL, "--onto=main^2")
        assert history.head == history.id("main")
        back(history)
        before = history.state()
        history.reran(ALL)
        assert history.state() == before

    def test_with_a_changing_run_on_the_right(self, history: History) -> None:
        orphan(history)
        history.ran("echo foo >> foo")
        back(history)
        before = history.merge("side", words=UNRELATED)
        history.reran(ALL, "--onto=main^2")
        assert history.id("HEAD^2^") == history.id("main^2")
        assert not history.has("HEAD^2~3")
        back(history)
        history.reran(ALL)
        assert history.id("HEAD^") == before
        assert not history.has("HEAD^2")


def many_forks(history: History) -> None:
    r"""Make a history of several forks.

    k_n merges j_n (from b_r) into i_n; i_n merges h_r into a_n; h_r stands on g_n, which merges f_r (on e_n, on c_n)
    into d_r (on c_n); c_n stands on b_r, and that on a_n.
    """
    fork(history)
    history.ran("echo foo > foo")
    history.git("checkout", "--quiet", "-b", "side-plain")
    history.wrote("plain0")
    history.git("checkout", "--quiet", "side")
    history.wrote("plain1")
    history.ran("echo bar > bar")
    history.git("checkout", "--quiet", "-b", "side-side", "side~1")
    history.wrote("plain2")
    history.ran("echo onside > onside")
    history.git("checkout", "--quiet", "side")
    history.merge("side-side")
    history.ran("echo after > after")
    back(history)
    history.merge("side")
    history.merge("side-plain")


class TestManyForks:
    @pytest.fixture(autouse=True)
    def made(self, history: History) -> None:
        many_forks(history)

    def test_they_are_forks_again(self, history: History) -> None:
        history.reran(ALL, FROM_THE_FIRST)
        shape = "--topo-order", "--reverse", "--format=%s %b"
        assert history.id("HEAD~2") == history.id("main~2")
        assert history.id("HEAD^2") != history.id("main^2")
        assert history.id("HEAD^^2") != history.id("main^^2")
        assert not history.has("HEAD^^2^2")
        assert history.has("HEAD^^2^^2")
        assert history.id("HEAD^2^") == history.id("HEAD^^2^^~2")
        assert history.count("HEAD") == history.count("main")
        assert history.git("diff", "main", "HEAD") == ""
        assert len(history.git("log", *shape, "--merges").splitlines()) == len(
            history.git("log", *shape, "--merges", "main").splitlines()
        )

    def test_with_the_same_results_nothing_moves(self, history: History) -> None:
        before = history.state()
        history.reran(ALL)
        assert history.state() == before


class TestAnOctopus:
    r"""f_n merges d_r and e_r into c_n; all begin at b_r, c_n on it."""

    @pytest.fixture(autouse=True)
    def made(self, history: History) -> None:
        history.ran("echo foo >> foo")
        history.wrote("plain")
        history.git("checkout", "--quiet", "-b", "topic-1", "main~")
        history.ran("echo bar > bar")
        history.git("checkout", "--quiet", "-b", "topic-2", "main~")
        history.ran("echo baz > baz")
        back(history)
        history.git("merge", "--quiet", "-m", "octopus", "topic-1", "topic-2")

    def test_it_has_three_parents_again(self, history: History) -> None:
        history.reran(ALL, FROM_THE_FIRST)
        assert history.id("HEAD^3") != history.id("main^3")
        assert history.id("HEAD~3") == history.id("main~3")
        assert [history.git("diff", f"main^{n}", f"HEAD^{n}") for n in (1, 2, 3)] == [""] * 3

    def test_on_what_is_checked_out_only_what_changes_comes_on_top(self, history: History) -> None:
        before = history.head
        history.reran(ALL)
        assert history.id("main~") == before


class TestWhatCanNotBeMerged:
    def test_the_way_back_is_told_and_nothing_is_lost(self, history: History) -> None:
        history.ran("date +%N > shared")
        fork(history)
        history.repository.write("shared", "side\n")
        history.repository.save("side")
        back(history)
        history.repository.write("shared", "main\n")
        history.repository.save("main")
        history.git("merge", "--quiet", "-m", "merged by hand", "-s", "ours", "side")
        before = history.git("for-each-ref")
        *_, where, reason = history.reran(ALL, FROM_THE_FIRST, code=2)
        assert "can't be taken over onto" in reason
        assert "on no branch" in where
        assert "`git checkout main` goes back to where it began" in where
        assert history.git("for-each-ref") == before
        assert history.repository.state().status == ()
        back(history)
        assert history.repository.state().status == ()
