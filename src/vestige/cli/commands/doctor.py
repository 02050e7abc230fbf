"""`vestige doctor`: what this machine allows, what not, why, and what would change it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

from vestige import exit_codes, invocation
from vestige.cli import stores
from vestige.observe.probe import Finding, findings
from vestige.words import safe

if TYPE_CHECKING:
    import argparse

EXAMPLES = """\
examples:
  vestige doctor            what can be measured here
  vestige doctor --json     the same for programs: [{"name", "title", "ok", "why", "remedy"}, ...]
"""

_SIGNS = {True: "yes", False: "no", None: "-"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige doctor`."""
    parser.add_argument("--json", action="store_true", help="as JSON")
    stores.add_option(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Look and tell."""
    found = [*findings(os.environ), _store(arguments.store), *_settings()]
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in found], indent=2))
        return exit_codes.OK
    width = max(len(finding.title) for finding in found)
    for finding in found:
        print(f"{_SIGNS[finding.ok]:<4} {finding.title:<{width}}  {safe(finding.why)}")
        if finding.remedy:
            print(f"{'':4} {'':{width}}  to change it: {safe(finding.remedy)}")
    return exit_codes.OK


def _store(option: str | None) -> Finding:
    """Whether runs can be kept; nothing is made."""
    folder = invocation.cwd()
    store = invocation.store(option, invocation.load_settings(folder), os.environ, folder)
    existing = store.runs
    while not os.path.isdir(existing) and os.path.dirname(existing) != existing:
        existing = os.path.dirname(existing)
    ok = os.access(existing, os.W_OK | os.X_OK)
    why = f"{store.path} (from: {store.source})"
    remedy = None if ok else f"make {existing} writable, or choose another place with `--store` or VESTIGE_STORE"
    return Finding("store", "place for runs", ok=ok, why=why if ok else f"{why} can't be written", remedy=remedy)


def _settings() -> list[Finding]:
    """Return what is set, and where."""
    origins = invocation.load_settings(invocation.cwd()).origins
    return [Finding(name, f"setting `{name}`", ok=None, why=f"set by {origin}") for name, origin in origins.items()]
