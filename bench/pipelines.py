"""What the Kedro plugin costs a node: a pipeline of very many nodes that do nothing."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

import spread
import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from measure import Contender, Spent
    from spread import Spread
    from workloads import Workloads

_BARE = "`kedro run`"
_WITHOUT = "`vestige run kedro run`, the plugin's hooks switched off"
_WITH = "`vestige run kedro run`"
_LIMIT = 1.0  # ms a node
_PROJECT = {
    "pyproject.toml": '[tool.kedro]\npackage_name = "many"\nproject_name = "many"\nkedro_init_version = "1.0.0"\n',
    "conf/base/catalog.yml": "{}\n",
    "conf/base/parameters.yml": "{}\n",
    "conf/local/.keep": "",
    "logging.yml": "version: 1\ndisable_existing_loggers: false\nroot: {level: WARNING}\n",
    "src/many/__init__.py": "",
    "src/many/settings.py": 'import os\n\nDISABLE_HOOKS_FOR_PLUGINS = tuple(os.environ.get("WITHOUT", "").split())\n',
}
_PIPELINE = """
from kedro.pipeline import node, pipeline

def first():
    return 0

def step(number):
    return number + 1

def register_pipelines():
    steps = [node(step, f"d{{n}}", f"d{{n + 1}}", name=f"step_{{n}}") for n in range({number} - 1)]
    return {{"__default__": pipeline([node(first, None, "d0", name="first"), *steps])}}
"""


def kedro(work: Workloads) -> table.Section:
    """Measure a pipeline with the plugin, and without."""
    number = work.number(500)
    project = _made(work, number)
    contenders = {_BARE: _run(project, []), _WITHOUT: _run(project, ["WITHOUT=vestige"]), _WITH: _run(project, [""])}
    spent = work.compare(contenders, rounds=15)
    walls, cpus = (_a_node(spent, figure, number) for figure in ("wall", "cpu"))
    rows = tuple(_row(name, times) for name, times in spent.items())
    return table.Section(
        "Kedro",
        f"A pipeline of {number} nodes that add 1, one after the other, each with a load and a save in memory. "
        "The figures a node are the difference of the last two lines; what "
        "the plugin does once (its plan, its modules) is in them.",
        (
            table.Table((f"{number} nodes", "time", "CPU"), rows),
            table.Table(
                ("the plugin, a node", "median", "middle half"), (_difference("time", walls), _difference("CPU", cpus))
            ),
        ),
        (table.at_most("CPU of the Kedro plugin, a node", _LIMIT, cpus, unit="ms"),),
    )


def _run(project: str, variables: Sequence[str]) -> Contender:
    """Return how to run the pipeline: under vestige, with these variables, if there are any."""

    def stages(folder: str) -> list[list[str]]:
        under = ["vestige", "run", "--store", os.path.join(folder, "store")] if variables else []
        settings = [
            f"KEDRO_LOGGING_CONFIG={project}/logging.yml",
            "KEDRO_DISABLE_TELEMETRY=1",
            *filter(None, variables),
        ]
        words = shlex.join(["env", *settings, *under, "kedro", "run"])
        return [["sh", "-c", f"cd {shlex.quote(project)} && exec {words}"]]

    return stages


def _made(work: Workloads, number: int) -> str:
    """Make the project and return its folder."""
    folder = os.path.join(work.made.folder, "pipeline")
    for name, text in {**_PROJECT, "src/many/pipeline_registry.py": _PIPELINE.format(number=number)}.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return folder


def _a_node(spent: dict[str, list[Spent]], figure: str, number: int) -> Spread:
    """Return what the plugin adds to a node, ms."""
    pairs = zip(spent[_WITH], spent[_WITHOUT], strict=True)
    return spread.of((getattr(having, figure) - getattr(lacking, figure)) * 1000 / number for having, lacking in pairs)


def _row(name: str, times: Sequence[Spent]) -> tuple[str, str, str]:
    wall, cpu = spread.of(one.wall for one in times), spread.of(one.cpu for one in times)
    return name, table.seconds(wall.median), table.seconds(cpu.median)


def _difference(name: str, seen: Spread) -> tuple[str, str, str]:
    return name, f"{seen.median:.2f} ms", f"{seen.low:.2f}–{seen.high:.2f} ms"  # noqa: RUF001 - a dash on purpose
