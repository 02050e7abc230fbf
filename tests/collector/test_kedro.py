"""kedro-telemetry's own events: reduced before anything is kept."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from collector.senders import JSON
from collector.servers import KNOWN, TODAY
from hypothesis import given
from hypothesis import strategies as st

from vestige.collector import kedro, tables
from vestige.telemetry import payload
from vestige.telemetry.weeks import week_of

if TYPE_CHECKING:
    from collector.servers import Running

PERSON = "92a3ccc7cf94444fb53b634b8a6101f0"
STATISTICS: dict[str, Any] = {  # as kedro-telemetry 0.9.0 sent it
    "app_id": "2388822444",
    "event": "Kedro Project Statistics",
    "timestamp": "2026-11-22T05:56:21.060462Z",
    "identity": PERSON,
    "properties": {
        "username": PERSON,
        "project_id": "c9b46902c252" * 10,
        "project_version": "1.7.0",
        "telemetry_version": "0.9.0",
        "python_version": "3.11.7 (main, May  9 2026, 07:35:25) [GCC 12.2.0]",
        "os": "linux",
        "is_ci_env": False,
        "command": "kedro run --params *****",
        "main_command": "run",
        "tools": "Linting, Custom Logging",
        "example_pipeline": "True",
        "number_of_datasets": 3,
        "number_of_nodes": 5,
        "number_of_pipelines": 2,
        "number_of_validated_datasets": 0,
        "validator_type_count.pandera": 1,
        "dataset_type_count.custom": 3,
        "dataset_type_count.kedro_datasets.pandas.csv_dataset.CSVDataset": 2,
        "dataset_type_count.kedro.io.memory_dataset.MemoryDataset": 4,
        "dataset_type_count.our_secret_package.SecretDataset": 1,
    },
}
SCHEMA = KNOWN.schemas["kedro/1"]


def reduced(event: object) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(kedro.reduced(json.dumps(event).encode(), SCHEMA, TODAY).body)
    return body


def test_statistics_of_a_project() -> None:
    report = reduced(STATISTICS)
    assert report["context"] == {"ci": "no", "kedro": "1.7", "os": "linux", "python": "3.11", "telemetry": "0.9"}
    sizes = {"datasets": "2", "nodes": "4", "pipelines": "2", "validated": "0"}
    assert report["counts"] == [
        ["dataset", {"type": "io.MemoryDataset"}, "4"],
        ["dataset", {"type": "other"}, "4"],
        ["dataset", {"type": "pandas.CSVDataset"}, "2"],
        ["project", {"command": "run", "example": "yes", **sizes}, "1"],
        ["tool", {"tool": "custom-logging"}, "1"],
        ["tool", {"tool": "linting"}, "1"],
        ["validator", {"library": "pandera"}, "1"],
    ]


def test_a_command_and_what_plugins_send() -> None:
    event = copy.deepcopy(STATISTICS) | {"event": "CLI command"}
    assert reduced(event)["counts"] == [["command", {"command": "run"}, "1"]]
    event["properties"]["main_command"] = "our-secret-command"
    assert reduced(event)["counts"] == [["command", {"command": "other"}, "1"]]
    assert reduced(event | {"event": "our_secret_event"})["counts"] == [["other", {}, "1"]]


def test_nothing_of_the_person_the_project_or_the_moment_is_kept(server: Running) -> None:
    answer = server.client.post("/api/track", content=json.dumps(STATISTICS), headers=JSON)
    assert (answer.status_code, answer.json()) == (200, {"status": "accepted"})
    engine = sa.create_engine(server.store.url)
    with engine.connect() as connection:
        row = connection.execute(sa.select(tables.REPORTS)).one()
        dumped = "\n".join(connection.connection.driver_connection.iterdump())  # type: ignore[union-attr]
    engine.dispose()
    assert (row.schema, row.week, row.received) == ("kedro/1", week_of(TODAY), TODAY)
    for told in (PERSON, "c9b46902c252", "05:56", "2388822444", "secret", "*****", "GCC", "3.11.7"):
        assert told not in dumped


def test_its_types_of_datasets_are_vestige_s() -> None:
    own = KNOWN.schemas["vestige/1"].events["kedro_dataset"].fields["type"].values
    assert SCHEMA.events["dataset"].fields["type"].values == own


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_ANYTHING = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner))
_NAMES = st.sampled_from([*STATISTICS["properties"], "dataset_type_count.", "validator_type_count.a", "x"]) | st.text()


@given(
    st.sampled_from(["Kedro Project Statistics", "CLI command", "x", ""]),
    st.dictionaries(_NAMES, _ANYTHING, max_size=12),
)
def test_whatever_the_properties_are_what_is_kept_is_in_the_schema(event: str, properties: dict[str, Any]) -> None:
    report = reduced({"event": event, "properties": properties})
    payload.check(report, SCHEMA)


@pytest.mark.parametrize("day", ["2027-12-31", "2028-01-09"])
def test_what_has_expired_is_not_kept(day: str) -> None:
    body = kedro.reduced(json.dumps(STATISTICS).encode(), SCHEMA, TODAY.fromisoformat(day)).body
    assert bool(json.loads(body)["counts"]) == (day < "2028")
    payload.check(json.loads(body), SCHEMA)
