"""The reference page and the schemas say what the model says."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import pytest
from record import reference

from vestige.record import model, start


def read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def test_page_is_made_from_the_model() -> None:
    assert read(reference.PAGE) == reference.page(), "run `python tests/record/reference.py`"


@pytest.mark.parametrize("name", reference.ROOTS)
def test_schema_is_made_from_the_model(name: str) -> None:
    path = os.path.join(reference.SCHEMAS, f"{name}-1.json")
    assert read(path) == reference.schema(name), "run `python tests/record/reference.py`"


@pytest.mark.parametrize("kind", [*reference.ROOTS.values(), *reference.ALL_NESTED])
def test_every_field_is_in_the_page(kind: type[Any]) -> None:
    page = read(reference.PAGE)
    assert [field.name for field in dataclasses.fields(kind) if f"| `{field.name}` |" not in page] == []


def test_every_figure_is_in_the_page() -> None:
    page = read(reference.PAGE)
    assert [
        name for name, (_, meaning) in model.FIGURES.items() if meaning not in page or f"| `{name}` |" not in page
    ] == []


def test_the_light_copy_of_the_schema_name_is_the_same() -> None:
    assert start.SCHEMA == model.SCHEMA
