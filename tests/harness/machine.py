"""A machine that looks like somebody's own: no container, no root, files of its own in /etc; by namespaces (root only).

What runs in it is the package under test as anybody would run it; nothing of telemetry is told that this is a test.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.command import package_parent
from harness.places import NOBODY

if TYPE_CHECKING:
    from collections.abc import Iterator

RESOLVER = """
import os, socket, time
server = socket.socket(type=socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
parent = os.getppid()
while os.getppid() == parent:
    time.sleep(0.2)
time.sleep(10)  # for what the command left behind
"""
_ENTER = """
set -e
top=$1 home=$2 python=$3 resolver=$4; shift 4
mount -t tmpfs none "$top"
mkdir "$top/upper" "$top/work" "$top/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$top/upper,workdir=$top/work" "$top/root"
rm -rf "$top/root/.dockerenv" "$top/root/run/.containerenv" "$top/root/run/systemd/container"
chmod a+rx "$top/root/root"
mount --rbind /proc "$top/root/proc"
mount --rbind /dev "$top/root/dev"
mkdir -p "$top/root$home"
mount --bind "$home" "$top/root$home"
cp -r "$home/etc/." "$top/root/etc/"
if [ -n "$resolver" ]; then
    ip link set lo up
    "$python" -c "$resolver" </dev/null >/dev/null 2>&1 &
    echo 'nameserver 127.0.0.1' >"$top/root/etc/resolv.conf"
    sleep 0.3
fi
exec chroot --userspec=USER:USER "$top/root" sh -c 'cd "$1"; shift; exec "$@"' sh "$home/work" "$@"
""".replace("USER", str(NOBODY))


@dataclass
class Machine:
    """The machine; `home` is the same folder inside and outside."""

    home: str
    top: str
    variables: dict[str, str] = field(default_factory=dict)
    deaf: bool = False  # no network, and a resolver that never answers
    interpreter: str = sys.executable
    limit: float = 60.0  # s for one command

    @property
    def state(self) -> str:
        """Where telemetry keeps what it has."""
        return os.path.join(self.home, ".local", "state", "vestige", "telemetry")

    @property
    def answers(self) -> str:
        """What the user said."""
        return os.path.join(self.home, ".config", "vestige", "telemetry.json")

    def environment(self, **more: str) -> dict[str, str]:
        """Return the variables of a command."""
        fixed = {"PATH": os.environ["PATH"], "HOME": self.home, "LANG": "C.UTF-8", "TERM": "dumb"}
        return {**fixed, "PYTHONPATH": package_parent(), **self.variables, **more}

    def words(self, *words: str) -> list[str]:
        """Return the command line that runs `vestige` with these words in the machine."""
        return self.python("-m", "vestige", *words)

    def python(self, *words: str) -> list[str]:
        """Return the command line that runs Python with these words in the machine."""
        enter = ["unshare", "-mn"] if self.deaf else ["unshare", "-m"]
        resolver = RESOLVER if self.deaf else ""
        return [
            *enter,
            "sh",
            "-c",
            _ENTER,
            "sh",
            self.top,
            self.home,
            self.interpreter,
            resolver,
            self.interpreter,
            *words,
        ]

    def __call__(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run `vestige` with these words, `more` variables, and nobody at a terminal."""
        return self.run(self.words(*words), **more)

    def run(self, call: list[str], **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command line that `words` or `python` gave."""
        settings: dict[str, Any] = {
            "capture_output": True,
            "text": True,
            "timeout": self.limit,
            "stdin": subprocess.DEVNULL,
        }
        return subprocess.run(call, env=self.environment(**more), check=False, **settings)

    def write(self, path: str, text: str) -> None:
        """Write a file below `home`, as its user; what is below `etc` is in /etc of the machine."""
        whole = os.path.join(self.home, path)
        folder = os.path.dirname(whole)
        os.makedirs(folder, exist_ok=True)
        with open(whole, "w", encoding="utf-8") as file:
            file.write(text)
        while folder.startswith(self.home):
            os.chown(folder, NOBODY, NOBODY)
            folder = os.path.dirname(folder)
        os.chown(whole, NOBODY, NOBODY)


@contextlib.contextmanager
def machine() -> Iterator[Machine]:
    """Give a new machine."""
    home, top = tempfile.mkdtemp(prefix="vestige-home-"), tempfile.mkdtemp(prefix="vestige-root-")
    for folder in (home, os.path.join(home, "work"), os.path.join(home, "etc")):
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)  # noqa: S103 - that of a user
        os.chown(folder, NOBODY, NOBODY)
    try:
        yield Machine(home, top)
    finally:
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(top, ignore_errors=True)


def unmet() -> str | None:
    """Return why there can be none here."""
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("chroot"):
        return "needs to be root, with unshare and chroot"
    look = "from vestige.telemetry.surroundings import of_process"
    code = f"{look}; seen = of_process(); raise SystemExit(seen.container or int(seen.is_root))"
    with machine() as made:
        done = made.run(made.python("-c", code))
    return None if done.returncode == 0 else f"needs mount namespaces with overlays: {done.stderr[-200:]}"
