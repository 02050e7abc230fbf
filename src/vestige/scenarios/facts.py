"""What is known of the tools and can't be measured by a run of theirs: one table, each line with its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Subject = Literal["purpose", "opt-out", "privacy", "network", "better"]

_DUCT = "https://github.com/con/duct"
_DATALAD = "https://docs.datalad.org/en/stable/generated/man/datalad-run.html"
_ANNEX = "https://git-annex.branchable.com/special_remotes/"
_KEDRO = "https://docs.kedro.org/en/stable/about/telemetry/"
_VESTIGE = "docs/guide of vestige"


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement on a tool, and where it can be looked up."""

    tool: str
    subject: Subject
    text: str
    source: str  # an address, or words


FACTS = (
    Fact("con-duct", "purpose", "What did a command use? It asks `ps` once a second and keeps logs.", _DUCT),
    Fact(
        "DataLad",
        "purpose",
        "What went in, what came out, and how is it done again? It commits what a command changed, with a record.",
        _DATALAD,
    ),
    Fact(
        "kedro-telemetry",
        "purpose",
        "How is Kedro used out there? It tells Kedro's makers of every command.",
        _KEDRO,
    ),
    Fact(
        "vestige",
        "purpose",
        "All three, by one recorder that watches the command's system calls: what it used, what went in and out, and, "
        "after a yes, how a software is used.",
        _VESTIGE,
    ),
    Fact("con-duct", "opt-out", "It runs where it is put before a command, and nowhere else.", _DUCT),
    Fact("DataLad", "opt-out", "It runs where it is put before a command, and nowhere else.", _DATALAD),
    Fact(
        "kedro-telemetry",
        "opt-out",
        "On until refused: `consent: false` in the project's `.telemetry`, or `KEDRO_DISABLE_TELEMETRY` or "
        "`DO_NOT_TRACK` in the environment. Kedro requires the package, so it comes with every Kedro.",
        _KEDRO,
    ),
    Fact(
        "vestige",
        "opt-out",
        "It runs where it is put before a command. It counts its own use in your home folder and sends nothing before "
        "a yes; `vestige telemetry off` ends the counting too.",
        _VESTIGE,
    ),
    Fact("con-duct", "privacy", "Nothing is sent. Logs hold the host's and the user's name.", _DUCT),
    Fact("DataLad", "privacy", "Nothing is sent before you push; then commits go where you push them.", _DATALAD),
    Fact(
        "kedro-telemetry",
        "privacy",
        "Sent with every command: a random id of the user that stays, a hashed id of the project, versions, the "
        "operating system, the command with its arguments masked, numbers and types of datasets, nodes and pipelines. "
        "The ids are kept in the user's `~/.config/kedro/telemetry.toml` and in the project's `pyproject.toml`.",
        _KEDRO,
    ),
    Fact("vestige", "privacy", "Nothing of a run is sent. Records hold the host's name, paths, and hashes.", _VESTIGE),
    Fact("con-duct", "network", "Needs none.", _DUCT),
    Fact("DataLad", "network", "Needs none to run; to fetch inputs that are elsewhere, whatever holds them.", _DATALAD),
    Fact(
        "kedro-telemetry",
        "network",
        "Works without. It sends before the first node, and `kedro run` waits for that: ten "
        "seconds where a network swallows everything. What can't be sent is lost.",
        _KEDRO,
    ),
    Fact("vestige", "network", "Needs none, as seen above.", _VESTIGE),
    Fact(
        "con-duct",
        "better",
        "Nothing but Python and `ps`: no compiled part, no need of a recent kernel, the same on macOS. Two small JSON "
        "files that anything can read, one command to plot them, and what the command printed is kept by default.",
        _DUCT,
    ),
    Fact(
        "DataLad",
        "better",
        "It moves data: inputs that are not here are fetched from wherever git-annex knows them to be (clouds, web, "
        "other machines), outputs go there again, datasets stand within datasets, containers are part of the record. "
        "vestige speaks its record format and leaves all of that to it.",
        _ANNEX,
    ),
    Fact(
        "kedro-telemetry",
        "better",
        "Nobody has to set anything up, so that Kedro's makers see how all projects use Kedro, not only those whose "
        "people said yes.",
        _KEDRO,
    ),
    Fact(
        "`kedro run` alone",
        "better",
        "Kedro's log names every node with its time of day, and costs nothing more: enough where nobody asks later.",
        "https://docs.kedro.org/en/stable/develop/logging/",
    ),
)


def about(subject: Subject) -> tuple[Fact, ...]:
    """Return the facts of one subject."""
    return tuple(fact for fact in FACTS if fact.subject == subject)
