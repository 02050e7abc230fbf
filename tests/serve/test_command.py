"""`vestige serve` as it is typed: what it prints, refuses, leaves behind, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
from typing import TYPE_CHECKING

import httpx
import pytest
from harness.waiting import until

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from harness.command import Vestige

_INTERRUPTIBLE = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def started(vestige: Vestige, *words: str) -> tuple[subprocess.Popen[bytes], str]:
    """Start it as a terminal would, which lets Ctrl-C through; return it and the address that it prints."""
    process = vestige.start_bare("python", "-c", _INTERRUPTIBLE, vestige.executable, "serve", "--port", "0", *words)
    assert process.stdout is not None
    address = process.stdout.readline().decode().strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+/\?token=[\w-]{43}", address)
    return process, address


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_with_pages_open(vestige: Vestige, sign: signal.Signals) -> None:
    vestige.call("run", "true")
    process, address = started(vestige, "--no-open")
    with httpx.Client() as client, socket.create_connection((httpx.URL(address).host, httpx.URL(address).port or 0)):
        assert client.get(address).status_code == 200
        assert "true" in client.get(httpx.URL(address).copy_with(query=None)).text
        process.send_signal(sign)
        _, said = process.communicate(timeout=20)
    assert process.returncode == (0 if sign == signal.SIGINT else -signal.SIGTERM)
    assert said == b"vestige: open this address; Ctrl-C ends it\n"


def test_the_token_stands_where_nobody_else_reads(vestige: Vestige, tmp_path: Path) -> None:
    """`--open` gives the browser a file, since everybody sees the words of a command."""
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf "%s" "$1" > {seen}.part; mv {seen}.part {seen}\n', encoding="utf-8")
    browser.chmod(0o755)
    vestige.variables["BROWSER"] = str(browser)
    process, address = started(vestige, "--open")
    token = address.partition("=")[2]
    until(seen.exists, "the browser", limit=20)
    file = seen.read_text(encoding="utf-8").removeprefix("file://")
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    with open(file, encoding="utf-8") as page:
        assert address in page.read()
    with open(f"/proc/{process.pid}/cmdline", "rb") as words, open(f"/proc/{process.pid}/environ", "rb") as variables:
        assert token.encode() not in words.read() + variables.read()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert not os.path.exists(file)


def test_without_a_place_for_its_file_the_pages_are_there(vestige: Vestige) -> None:
    vestige.variables["XDG_RUNTIME_DIR"] = "/proc"  # where root can't make a file either
    process, address = started(vestige, "--open")
    with httpx.Client() as client:
        assert client.get(address).status_code == 200
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert b"vestige: no browser is opened: " in said


def test_a_port_that_is_taken(vestige: Vestige) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = vestige.call("serve", "--port", port)
    assert ended.returncode == 2
    assert ended.stdout == b""
    assert ended.stderr.decode() == (
        f"vestige: can't listen on 127.0.0.1:{port}: Address already in use; choose another `--port`, 0 for any\n"
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])  # noqa: S104 - it is refused
def test_other_machines_are_let_in_only_when_that_is_said(vestige: Vestige, host: str) -> None:
    ended = vestige.call("serve", "--host", host)
    assert ended.returncode == 2
    assert "ssh -L" in ended.stderr.decode()
    assert "--beyond-this-machine" in ended.stderr.decode()


@pytest.mark.parametrize("port", ["-1", "65536", "x"])
def test_what_is_no_port(vestige: Vestige, port: str) -> None:
    assert vestige.call("serve", f"--port={port}").returncode == 2
