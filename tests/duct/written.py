"""Logs as con-duct writes them, by hand: any start, any name, any content."""

from __future__ import annotations

import copy
import datetime as dt
import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

START = 1_767_225_600.0  # 2026-01-01T00:00:00Z
INFO: dict[str, Any] = {
    "command": "python train.py --fast", "env": {"SLURM_JOB_ID": "42"}, "gpu": None, "duct_version": "0.23.0",
    "schema_version": "0.2.3", "working_directory": "/data/study", "message": "first try",
    "system": {"cpu_total": 2, "memory_total": 8_000_000_000, "hostname": "node1", "os_name": "Linux"},
    "execution_summary": {
        "exit_code": 0, "wall_clock_time": 4.0, "peak_rss": 300_000_000, "average_pcpu": 75.0, "num_samples": 2,
        "working_directory": "/data/study",
    },
}  # fmt: skip


def moment(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.timezone.utc).isoformat()


def sample(seconds: float, *processes: tuple[int, float, int], start: float = START) -> dict[str, Any]:
    """Return a line of usage.jsonl: pid, per cent, bytes of each process."""
    found = {
        str(pid): {"pcpu": share, "rss": rss, "etime": f"00:{int(seconds):02}", "timestamp": moment(start + seconds),
                   "cmd": f"/bin/worker {pid}"}
        for pid, share, rss in processes
    }  # fmt: skip
    totals = {"rss": sum(rss for *_, rss in processes), "pcpu": sum(share for _, share, _ in processes)}
    return {"timestamp": moment(start + seconds), "num_samples": 1, "processes": found, "totals": totals}


def log(folder: Path, name: str = "run_", *, start: float = START, touch: bool = True, **keys: Any) -> str:
    """Write a log of four files and return the path of its info.json; `keys` replace those of `INFO`.

    `touch`: its files are as old as its end; else they are new, as in a clone.
    """
    info = copy.deepcopy(INFO)
    info["execution_summary"] |= {"start_time": start, "end_time": start + 4}
    prefix = os.path.join(folder, name)
    names = {"stdout": "stdout", "stderr": "stderr", "usage": "usage.jsonl", "info": "info.json", "prefix": ""}
    info["output_paths"] = {key: prefix + ending for key, ending in names.items()}
    lines = [sample(0, (1, 0.0, 2_000_000), start=start), sample(2, (1, 0.0, 2_000_000), (2, 90.0, 3_000_000))]
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "info.json": json.dumps({**info, **keys}) + "\n",
        "usage.jsonl": "".join(json.dumps(line) + "\n" for line in lines),
        "stdout": "one\ntwo\n",
        "stderr": "",
    }
    for ending, content in contents.items():
        write(prefix + ending, content)
        if touch:
            os.utime(prefix + ending, (start + 4, start + 4))
    return prefix + "info.json"


def write(path: str, content: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)
