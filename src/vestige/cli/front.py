"""The first code of every command: it decides between the short way of `run` and `duct`, and the rest.

Between `vestige run CMD` and CMD stands only what is imported on this way, so it keeps to modules that the interpreter
has loaded already; `tests/cli/test_light.py` holds the list.
"""

from __future__ import annotations


def main(argv: list[str]) -> int:
    """Run the command line `argv` (the program's name first) and return the exit code."""
    if argv[1:2] == ["run"]:
        from vestige.cli import run  # noqa: PLC0415 - the short way

        return run.main(argv[2:])
    if argv[1:2] == ["duct"]:
        from vestige.cli import duct  # noqa: PLC0415 - as short, for the same reason

        return duct.main(argv[2:])
    if argv[1:2] == ["span"]:
        from vestige.cli import span  # noqa: PLC0415 - scripts call it again and again

        return span.main(argv[2:])
    from vestige.cli import dispatch  # noqa: PLC0415 - the long way: argparse and what each command needs

    return dispatch.main(argv[1:])
