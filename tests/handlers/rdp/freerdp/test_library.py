"""Only known versions of FreeRDP are used, with all functions and settings that are needed."""

from __future__ import annotations

import platform

import pytest

from guacr.errors import UnsupportedError
from handlers.rdp import launcher
from handlers.rdp.channel.messages import Setting
from handlers.rdp.freerdp import library
from handlers.rdp.freerdp.library import Library, LibraryError
from handlers.rdp.login import Login
from handlers.rdp.options import geometry_of, settings_of
from handlers.rdp.params import RdpParams
from tests.support.require import missing


@pytest.fixture(scope="module")
def freerdp() -> Library:
    try:
        return Library()
    except LibraryError as error:
        missing(str(error))
        raise


def test_the_version_is_known(freerdp: Library) -> None:
    assert freerdp.version[0] == freerdp.major
    assert (2, 3) <= freerdp.version[:2] < (4, 0)


def test_an_unknown_version_is_refused(freerdp: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "VERSIONS", ((1, 0), freerdp.version[:2]))
    with pytest.raises(LibraryError, match="not a known version"):
        Library()


def test_other_systems_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    with pytest.raises(UnsupportedError, match="RDP needs Linux: other systems lack"):
        launcher.Launcher("auto").start()


def test_missing_libraries_are_reported() -> None:
    with pytest.raises(LibraryError, match="not installed"):
        Library((99,))


def test_all_settings_are_known(freerdp: Library) -> None:
    params = RdpParams(hostname="h", username="u", password="p", domain="d", remote_app="a")
    geometry = geometry_of(params, 1024, 768, 96)
    for message in settings_of(params, Login.of(params), geometry, "any"):
        if isinstance(message, Setting):
            freerdp.key(message.name)


def test_an_unknown_setting_is_reported(freerdp: Library) -> None:
    with pytest.raises(LibraryError, match="no setting Magic"):
        freerdp.key("Magic")
