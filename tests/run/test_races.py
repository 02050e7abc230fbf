"""Races that were seen, each under its own name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
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


@pytest.mark.needs("strace")
def test_a_command_that_runs_before_its_start_is_written_is_no_shorter(vestige: Vestige) -> None:
    """The fork returns in the recorder when the command is well on its way: here strace holds it back."""
    forks = "clone,clone3,fork,vfork"
    late = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={forks}", "-e", f"inject={forks}:delay_exit=100000"]
    done = vestige.bare(*late, *vestige.words("sleep", "0.3", options=("--trace", "off")))
    assert (done.returncode, done.stderr) == (0, b"")
    moments = {event["event"]: event["t"] for event in recorded.read_lines(vestige.last().events_path)}
    assert moments["end"] - moments["start"] >= 300_000_000
