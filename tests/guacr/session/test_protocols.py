"""Protocols that cannot be loaded, or are disabled."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from guacr.errors import SettingsError, UnsupportedError
from guacr.session.handler import ENTRY_POINT_GROUP
from guacr.session.protocols import Protocols
from guacr.settings.models import Settings

BROKEN = {
    "raises": "raise RuntimeError('a bug')",
    "exits": "import sys; sys.exit(1)",
    "syntax": "def",
    "lacks": "import no_such_module",
    "nameless": "",
    "foreign": "Handler = int",
    "instance": "Handler = 'text'",
}


@pytest.fixture
def protocols(entries: list[EntryPoint]) -> Protocols:
    return Protocols(entries=entries)


@pytest.fixture
def entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """Broken plug-ins beside one that works."""
    monkeypatch.syspath_prepend(str(tmp_path))
    entries = [EntryPoint("works", "tests.support.loopback:SketchHandler", ENTRY_POINT_GROUP)]
    for name, source in BROKEN.items():
        (tmp_path / f"plugin_{name}.py").write_text(source)
        entries.append(EntryPoint(name, f"plugin_{name}:Handler", ENTRY_POINT_GROUP))
    return entries


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plug_in_is_reported_to_whoever_selects_it(
    protocols: Protocols, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(UnsupportedError, match=f"protocol {name} .*(see the daemon's log|install)"):
        protocols.find(name)
    assert f"protocol {name}" in caplog.text


def test_broken_plug_ins_leave_the_others_alone(protocols: Protocols) -> None:
    protocols.warm_up(Settings())
    assert protocols.find("works").name == "sketch"


def test_a_failing_warm_up_leaves_the_others_alone(
    protocols: Protocols, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(settings: Settings) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(protocols.find("works"), "warm_up", fail)
    protocols.warm_up(Settings())
    assert "protocol works cannot be warmed up" in caplog.text


def test_other_protocols_than_those_offered_are_neither_found_nor_loaded(
    entries: list[EntryPoint], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in BROKEN:
        monkeypatch.delitem(sys.modules, f"plugin_{name}", raising=False)
    protocols = Protocols(entries=entries, offered=["works", "foreign"])
    assert protocols.names == ["foreign", "works"]
    with pytest.raises(UnsupportedError, match=r"protocol raises is disabled: add it to server\."):
        protocols.find("raises")
    protocols.warm_up(Settings())
    assert "plugin_foreign" in sys.modules
    assert "plugin_instance" not in sys.modules
    assert "raises" not in caplog.text
    assert protocols.find("works").name == "sketch"


def test_only_known_protocols_can_be_offered(entries: list[EntryPoint]) -> None:
    with pytest.raises(SettingsError, match=r"^server\.protocols: protocol 'wroks' is unknown: "):
        Protocols(entries=entries, offered=["works", "wroks"])
