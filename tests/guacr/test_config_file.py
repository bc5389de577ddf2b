"""config/guacr.toml says of every setting what the code says of it."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from guacr.settings.configuration import Source, allowed, merge
from guacr.settings.models import Connection, Settings

PATH = Path(__file__).parents[2] / "config" / "guacr.toml"
COMMENTED_SETTING = re.compile(r"^# (?=[a-z_-]+ = |\[connections)", re.MULTILINE)
SECTIONS = [name for name in Settings.model_fields if name != "connections"]


@pytest.fixture(scope="module")
def text() -> str:
    return PATH.read_text()


@pytest.fixture(scope="module")
def uncommented(text: str) -> dict[str, Any]:
    return tomllib.loads(COMMENTED_SETTING.sub("", text))


def test_as_it_is_it_sets_nothing(text: str) -> None:
    assert merge([Source("file", tomllib.loads(text))]) == Settings()


def test_uncommented_it_has_the_defaults(uncommented: dict[str, Any]) -> None:
    sections = {name: uncommented[name] for name in SECTIONS}
    assert merge([Source("file", sections)]) == Settings()


@pytest.mark.parametrize("section", SECTIONS)
def test_no_setting_is_missing(uncommented: dict[str, Any], section: str) -> None:
    model = type(getattr(Settings(), section))
    assert list(uncommented[section]) == list(model.model_fields)


def test_connections_have_every_setting(uncommented: dict[str, Any]) -> None:
    assert list(uncommented["connections"]["NAME"]) == list(Connection.model_fields)


@pytest.mark.parametrize("section", [*SECTIONS, "connections"])
def test_every_meaning_and_range_is_told(text: str, section: str) -> None:
    model: type[BaseModel] = Connection
    if section in SECTIONS:
        model = type(getattr(Settings(), section))
    comments = " ".join(line.removeprefix("#").strip() for line in text.splitlines())
    for field in model.model_fields.values():
        assert field.description is not None
        assert " ".join(field.description.split())[:-1] in comments
        assert allowed(field) in comments
