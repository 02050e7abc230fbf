"""The whole way as a user goes it: an unprivileged user, no container, real terminals, processes, sockets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pexpect
import pytest
from harness.telemetry import LAST_WEEK
from harness.waiting import until

from vestige.cli.commands.telemetry import ACTIONS
from vestige.cli.dispatch import COMMANDS
from vestige.telemetry import answers as said
from vestige.telemetry import log, places, spool

if TYPE_CHECKING:
    from harness.collectors import Collector
    from harness.machine import Machine

URL = "https://telemetry.example.org"
_ASKED = "be sent, once a week?"
_COUNT = f"""
import datetime as dt
from vestige.telemetry import own
day = dt.date.fromisoformat("{LAST_WEEK}")
own.here().count("command", dict(name="ls", outcome="ok"), day)
"""


def spawn(machine: Machine, *words: str, **more: str) -> pexpect.spawn[str]:
    call = [str(word) for word in machine.words(*words)]
    return pexpect.spawn(call[0], call[1:], env=machine.environment(**more), encoding="utf-8", timeout=60)  # type: ignore[return-value,arg-type,unused-ignore]


def at_terminal(machine: Machine, *words: str, **more: str) -> str:
    child = spawn(machine, *words, **more)
    child.expect(pexpect.EOF)
    child.close()
    return child.before or ""


def agree(machine: Machine, url: str) -> None:
    assert "telemetry is on" in at_terminal(machine, "telemetry", "on", "--collector", url)


def count_last_week(machine: Machine) -> None:
    done = machine.run(machine.python("-c", _COUNT))
    assert done.returncode == 0, done.stderr


def kept(machine: Machine) -> places.Places:
    return places.Places(machine.answers, machine.state)


def make_due(machine: Machine) -> None:
    os.utime(os.path.join(machine.state, "due"), (0, 0))


def test_it_is_asked_once_at_a_terminal_with_the_payload_one_key_away(machine: Machine) -> None:
    named = {"VESTIGE_TELEMETRY_COLLECTOR": URL}
    child = spawn(machine, "ls", **named)
    child.expect_exact(_ASKED)
    child.expect_exact(f"to    {URL}")
    child.expect_exact("(Enter: no)")
    child.sendline("p")
    child.expect(r'\{"context".*"schema":"vestige/1","week":"[0-9-]*W[0-9]+"\}')
    child.expect_exact("(Enter: no)")
    child.sendline("y")
    child.expect_exact("vestige: yes")
    child.expect(pexpect.EOF)
    assert "telemetry is on" in machine("telemetry", **named).stdout
    assert _ASKED not in at_terminal(machine, "ls", **named)


@pytest.mark.parametrize("keys", ["\n", "n\n", "\x03", "\x04", "what?\n"])
def test_anything_but_yes_is_a_no_and_ends_the_matter(machine: Machine, keys: str) -> None:
    named = {"VESTIGE_TELEMETRY_COLLECTOR": URL}
    child = spawn(machine, "ls", **named)
    child.expect_exact("(Enter: no)")
    child.send(keys)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert "telemetry is local" in machine("telemetry", **named).stdout
    assert _ASKED not in at_terminal(machine, "ls", **named)


def test_a_terminal_that_goes_away_is_a_no(machine: Machine) -> None:
    named = {"VESTIGE_TELEMETRY_COLLECTOR": URL}
    child = spawn(machine, "ls", **named)
    child.expect_exact("(Enter: no)")
    child.close(force=True)
    (answer,) = said.load(machine.answers).answers
    assert answer.said in ("asked", "no")
    assert _ASKED not in at_terminal(machine, "ls", **named)


@pytest.mark.parametrize(
    "environ",
    [{"CI": "true"}, {"DO_NOT_TRACK": "1"}, {"KEDRO_DISABLE_TELEMETRY": "1"}, {"VESTIGE_TELEMETRY": "off"},
     {"VESTIGE_TELEMETRY": "local"}, {"VESTIGE_TELEMETRY": "x"}, {"container": "podman"},
     {"VESTIGE_TELEMETRY_COLLECTOR": ""}, {"VESTIGE_TELEMETRY_COLLECTOR": "http://evil.example.org"}],
)  # fmt: skip
def test_where_the_answer_is_no_nobody_is_asked(machine: Machine, environ: dict[str, str]) -> None:
    assert _ASKED not in at_terminal(machine, "ls", **{"VESTIGE_TELEMETRY_COLLECTOR": URL, **environ})
    assert not os.path.exists(machine.answers)


def test_nobody_is_asked_without_a_terminal_or_in_the_way_of_a_run(machine: Machine) -> None:
    named = {"VESTIGE_TELEMETRY_COLLECTOR": URL}
    done = machine("ls", **named)
    assert _ASKED not in done.stdout + done.stderr
    assert _ASKED not in at_terminal(machine, "run", "true", **named)
    assert _ASKED not in at_terminal(machine, "doctor", **named)
    assert not os.path.exists(machine.answers)
    done = machine("telemetry", "on", "--collector", URL)
    assert (done.returncode, done.stderr) == (2, "vestige: only somebody at a terminal can say yes\n")


def test_the_file_of_the_administrator_is_obeyed(machine: Machine) -> None:
    machine.write("etc/vestige/telemetry.toml", 'mode = "off"\n')
    assert "telemetry stays off" in at_terminal(machine, "telemetry", "on", "--collector", URL)
    assert "/etc/vestige/telemetry.toml" in machine("telemetry").stdout
    assert not os.path.exists(machine.answers)
    assert not os.path.exists(machine.state)


def test_trouble_is_one_line_and_no_crash(machine: Machine) -> None:
    machine.write(".config/vestige/telemetry.json", "{")
    shown = at_terminal(machine, "ls")
    assert shown.count("telemetry.json") == 1
    assert "Traceback" not in shown
    assert "telemetry" not in machine("ls").stderr
    assert machine("telemetry").returncode == 0


def test_a_report_goes_all_the_way_by_itself(machine: Machine, collector: Collector) -> None:
    agree(machine, collector.url)
    count_last_week(machine)
    shown = machine("telemetry", "preview").stdout.splitlines()[0].encode("ascii")
    make_due(machine)
    assert machine("ls").returncode == 0
    until(collector.reports, "the report")
    until(lambda: not spool.read(kept(machine)), "the spool to be empty")
    assert collector.reports() == [shown]
    until(lambda: [entry.status for entry in log.read(kept(machine))] == [202], "the log")
    make_due(machine)
    machine("ls")
    assert "202" in machine("telemetry", "log").stdout
    assert len(collector.reports()) == 1


def test_a_run_counts_and_sends_when_all_is_done(machine: Machine, collector: Collector) -> None:
    agree(machine, collector.url)
    count_last_week(machine)
    make_due(machine)
    done = machine("run", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
    until(collector.reports, "the report")
    stats = json.loads(machine("telemetry", "stats", "--json").stdout)
    counted = {(one["event"], one["fields"].get("outcome")) for one in stats[0]["counts"]}
    assert ("run", "failed") in counted


def test_a_resolver_that_never_answers_holds_nothing_up(machine: Machine) -> None:
    agree(machine, URL)
    count_last_week(machine)
    make_due(machine)
    machine.deaf = True
    done = machine("run", "true")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (entry,) = until(lambda: [one for one in log.read(kept(machine)) if one.trouble != log.NOT_KNOWN], "the log")
    assert (entry.status, entry.trouble) == (None, "no answer within 2 s")
    (waiting,) = spool.read(kept(machine))
    assert waiting.attempts == 1


def test_a_server_that_never_answers_holds_nothing_up(machine: Machine, collector: Collector) -> None:
    collector.answer(0)
    agree(machine, collector.url)
    count_last_week(machine)
    make_due(machine)
    assert machine("ls").returncode == 0
    (entry,) = until(lambda: [one for one in log.read(kept(machine)) if one.trouble != log.NOT_KNOWN], "the log")
    assert (entry.status, entry.trouble) == (None, "no answer within 2 s")
    assert len(spool.read(kept(machine))) == 1
    assert machine("ls").returncode == 0
    assert len(collector.requests()) == 1


def test_the_sender_belongs_to_nobody_and_holds_nothing_open(machine: Machine, collector: Collector) -> None:
    collector.answer(0)
    agree(machine, collector.url)
    count_last_week(machine)
    make_due(machine)
    inherited, other = os.pipe()
    os.set_inheritable(other, True)
    call = machine.words("ls")
    with subprocess.Popen(call, env=machine.environment(), pass_fds=[other], stdout=subprocess.DEVNULL) as front:
        os.close(other)
        front.wait()
        os.set_blocking(inherited, True)
        until(collector.requests, "the sender to be at work")
        assert os.read(inherited, 1) == b""  # nobody holds the other end, though the sender is still there
        assert [one.trouble for one in log.read(kept(machine))] == [log.NOT_KNOWN]
    os.close(inherited)
    until(lambda: [one for one in log.read(kept(machine)) if one.trouble != log.NOT_KNOWN], "its end")


def test_send_forget_and_off_as_commands(machine: Machine, collector: Collector) -> None:
    agree(machine, collector.url)
    for words in (["send"], ["send", "--dry-run"]):
        assert "nothing waits: a report is made of a week when it is over" in machine("telemetry", *words).stderr
    count_last_week(machine)
    raw = machine("telemetry", "send", "--dry-run").stdout
    sent = machine("telemetry", "send")
    assert (sent.returncode, len(collector.reports())) == (0, 1)
    assert raw.encode("ascii").partition(b"\n\n")[2].strip() == collector.reports()[0]
    assert "nothing waits" in machine("telemetry", "send").stderr
    gone = machine("telemetry", "forget")
    assert gone.returncode == 0, gone.stderr
    assert ": deleted" in gone.stdout
    assert collector.requests()[-1][0].startswith("DELETE /v1/reports/")
    count_last_week(machine)
    machine("telemetry", "send")
    off = machine("telemetry", "off")
    assert "telemetry is off" in off.stdout
    until(lambda: len(collector.requests()) == 4, "the deletion")
    until(lambda: not os.path.exists(os.path.join(machine.state, "deletions.json")), "the receipt")
    machine("ls")
    machine("run", "true")
    assert sorted(os.listdir(machine.state)) == ["due", "lock", "log.jsonl"]
    assert "you said off" in machine("telemetry").stdout


def test_local_stops_sending_and_keeps_the_counts(machine: Machine, collector: Collector) -> None:
    agree(machine, collector.url)
    count_last_week(machine)
    assert "telemetry is local" in machine("telemetry", "local").stdout
    machine("telemetry", "send")
    assert collector.requests() == []
    assert json.loads(machine("telemetry", "stats", "--json").stdout)[0]["weeks"] != []


_SCHEMA: dict[str, Any] = {
    "schema": "flights/1",
    "purpose": "To learn which models are trained",
    "contact": "the flights team",
    "collector": None,
    "context": {"flights": {"type": "version", "parts": 2, "question": "?", "owner": "us", "expires": "2099-01-01"}},
    "events": {
        "train": {
            "question": "Which models are trained, and for how long?",
            "owner": "us",
            "expires": "2099-01-01",
            "fields": {
                "model": {"type": "enum", "values": ["linear", "forest"]},
                "outcome": {"type": "enum", "values": ["ok", "failed"]},
                "seconds": {"type": "bucket", "unit": "s", "from": 1, "to": 1024},
            },
        }
    },
}


def test_a_project_counts_its_own_use(machine: Machine, collector: Collector) -> None:
    machine.write("work/telemetry.json", json.dumps(_SCHEMA))
    table = f'[tool.vestige.telemetry]\nschema = "telemetry.json"\ncollector = "{collector.url}"\n'
    machine.write("work/pyproject.toml", table)
    for words in (["model=linear", "seconds=70.5"], ["model=mine", "seconds=3"]):
        done = machine("telemetry", "count", "train", *words)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")
    wrong = machine("telemetry", "count", "train", "colour=red")
    assert (wrong.returncode, "has no field `colour`" in wrong.stderr) == (2, True)
    shown = machine("telemetry", "stats", "--project", ".").stdout
    assert "Which models are trained, and for how long?" in shown
    assert "64 s to 2 min" in shown
    assert "telemetry is on" in at_terminal(machine, "telemetry", "on", "--project", ".")
    code = (
        "from vestige.telemetry import Telemetry; import datetime as dt\n"
        "usage = Telemetry.of_project('.', context={'flights': '1.2.3'}, strict=True)\n"
        "with usage.measure('train', model='forest'): pass\n"
        f"usage._counting.count('train', {{'model': 'forest'}}, dt.date.fromisoformat('{LAST_WEEK}'))\n"
    )
    done = machine.run(machine.python("-c", code))
    assert (done.returncode, done.stderr) == (0, "")
    machine("telemetry", "send")
    (body,) = map(json.loads, collector.reports())
    assert (body["schema"], body["context"]) == ("flights/1", {"flights": "1.2"})
    assert body["counts"] == [["train", {"model": "forest"}, "1"]]


RUN_OTHERS = ("run", "duct", "span", "demo", "rerun", "bench")
CONNECT_BY_PURPOSE = ("serve", "scenarios")  # listens on this machine; installs what it compares
WORDS = [[name] for name in COMMANDS if name not in (*RUN_OTHERS, *CONNECT_BY_PURPOSE)]
WORDS += [[name, "--help"] for name in CONNECT_BY_PURPOSE]
WORDS += [["telemetry", action] for action in ACTIONS if action not in ("send", "forget")]
WORDS += [["--help"], ["--version"], ["no-such-command"], ["ls", "--json"], ["show", "--files"]]


@pytest.mark.needs("recorder")
@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_no_command_opens_a_socket_before_a_yes(machine: Machine, words: list[str]) -> None:
    """Shown by vestige's own tracer: nothing but the yes is missing, and there is last week's count to send."""
    count_last_week(machine)
    make_due(machine)
    machine.variables["VESTIGE_TELEMETRY_COLLECTOR"] = URL
    machine("run", "true")
    machine("run", sys.executable, "-m", "vestige", *words)
    recorded = json.loads(machine("show", "--json", "last").stdout)
    assert recorded["argv"][-len(words) :] == words
    assert recorded["completeness"]["trace"] == "on"
    assert recorded["network"] == []
