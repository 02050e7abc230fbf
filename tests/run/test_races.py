"""Races that were seen, each under its own name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import recorded

if TYPE_CHECKING:
    from harness.command import Vestige

MANY = "i=0; while [ $i -lt 400 ]; do /bin/true; i=$((i+1)); done"


def test_an_exit_that_was_notified_is_not_told_again_by_the_sampler(vestige: Vestige) -> None:
    """The sampler entered a process that had been entered, and had ended, since the look at its parent's children."""
    run = vestige.record("sh", "-c", MANY).run
    events = recorded.read_lines(run.events_path)
    ended = {(event["pid"], event["start"]) for event in events if event["event"] == "exit"}
    told_again = [event for event in events if event["event"] == "gone" and (event["pid"], event["start"]) in ended]
    assert len(ended) == 401
    assert told_again == []


def test_a_fork_that_ends_at_once_is_not_taken_for_a_new_process_while_it_dies(vestige: Vestige) -> None:
    """A child that executes nothing is first seen at its end: the sampler must not enter it once more."""
    run = vestige.record("sh", "-c", "i=0; while [ $i -lt 400 ]; do (:) & wait; i=$((i+1)); done").run
    events = recorded.read_lines(run.events_path)
    ended = {(event["pid"], event["start"]) for event in events if event["event"] == "exit"}
    told_again = [event for event in events if event["event"] == "gone" and (event["pid"], event["start"]) in ended]
    assert len(ended) == 401
    assert told_again == []
