"""`kedro vestige …`: vestige's commands from within a project, and `kedro vestige run`."""

from __future__ import annotations

import logging
import os
import sys

import click

_PASSED_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
_RUN_HELP = """\
usage: kedro vestige run [--if-changed] [OPTION OF kedro run]...

Run the project and keep what each node used, as `vestige run kedro run` does.

options:
  --if-changed   leave out the nodes of which inputs, code and parameters are as they were when they last ran well,
                 and whose outputs are there and intact
  …              all options of `kedro run`

examples:
  kedro vestige run
  kedro vestige run --pipelines reporting --runner ThreadRunner
  kedro vestige run --if-changed
  kedro vestige run --if-changed --params test_share=0.3
"""


class _Commands(click.Group):
    """All commands of vestige, as they are known to it."""

    def list_commands(self, _: click.Context) -> list[str]:
        """Return their names."""
        from vestige.cli.dispatch import COMMANDS  # noqa: PLC0415 - only where it is asked for

        return list(COMMANDS)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        """Return one that passes its words on."""
        from vestige.cli.dispatch import COMMANDS  # noqa: PLC0415

        if name not in COMMANDS:
            return None
        meaning = "run the project and keep what each node used" if name == "run" else COMMANDS[name]
        return click.Command(
            name,
            params=[click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)],
            callback=_run if name == "run" else lambda words: _call(name, words),
            context_settings=dict(_PASSED_ON),
            help=meaning,
            short_help=meaning,
        )


@click.group(name="vestige")
def commands() -> None:
    """What the project's runs and nodes used, read and wrote."""


@commands.group("vestige", cls=_Commands)
def vestige() -> None:
    """What the project's runs and nodes used, read and wrote."""


def _call(name: str, words: tuple[str, ...]) -> None:
    from vestige.cli.front import main  # noqa: PLC0415

    if {"--json", "--csv"} & set(words) and not sys.stdout.isatty() and _kedro_logs():
        click.echo(f"vestige: Kedro logs to stdout, too; `vestige {name}` is the same command without that", err=True)
    sys.exit(main(["vestige", name, *words]))


def _kedro_logs() -> bool:
    """Say whether Kedro logged while it was imported, before any plugin: its usual handler writes to stdout."""
    return logging.getLogger("kedro").isEnabledFor(logging.INFO)


def _run(words: tuple[str, ...]) -> None:
    """Become `vestige run kedro run …`."""
    from vestige.cli.kedro import rerun  # noqa: PLC0415

    if words[:1] in (("--help",), ("-h",)):
        click.echo(_RUN_HELP)
        return
    own = [word for word in words if word == "--if-changed"]
    sys.exit(rerun.run([word for word in words if word not in own], os.environ, if_changed=bool(own)))
