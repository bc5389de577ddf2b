"""What is said if an engine cannot be used, and which one is found."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from typing import Any

import pytest

from guacr.api import UnsupportedError
from handlers.rdp.aardwolf import engine
from handlers.rdp.freerdp import library
from handlers.rdp.launcher import Loaded
from handlers.rdp.params import RdpParams
from handlers.rdp.restrictions import check_engine, restrictions_of
from handlers.rdp.worker import engines
from handlers.rdp.worker.client import UnavailableError
from tests.handlers.rdp.sessions import aardwolf


def without(module: str) -> Callable[[str], Any]:
    def find(_name: str) -> Any:
        raise PackageNotFoundError(module)

    return find


def test_a_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "version", without("aardwolf"))
    with pytest.raises(UnavailableError, match="aardwolf is not installed: install guacr's extra"):
        engines.load("aardwolf")


def test_a_missing_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "version", lambda _: engine.KNOWN)
    monkeypatch.setitem(sys.modules, "handlers.rdp.aardwolf.client", None)
    with pytest.raises(UnavailableError, match="cannot be used"):
        engines.load("aardwolf")


def test_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "version", lambda _: "0.3.0")
    with pytest.raises(UnavailableError, match=r"aardwolf 0\.3\.0 is not a known version"):
        engines.load("aardwolf")


def test_without_any_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library.Library.__init__, "__defaults__", ((99,),))
    monkeypatch.setattr(engine, "version", without("aardwolf"))
    with pytest.raises(UnavailableError, match=r"FreeRDP is not installed: .*; aardwolf is not"):
        engines.load("auto")


@aardwolf
def test_aardwolf_is_used_without_freerdp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library.Library.__init__, "__defaults__", ((99,),))
    found = engines.load("auto")
    assert Loaded(found.name, found.version) == Loaded("aardwolf", engine.KNOWN)


def test_restrictions() -> None:
    asking = RdpParams(enable_audio_input=True, color_depth="24", client_name="x")
    assert restrictions_of("freerdp", asking) == ""
    assert restrictions_of("aardwolf", RdpParams()) == "has no graphics pipeline and no sound"
    assert restrictions_of("aardwolf", RdpParams(disable_audio=True)) == "has no graphics pipeline"
    assert restrictions_of("aardwolf", asking) == (
        "has no graphics pipeline and no sound, and ignores enable-audio-input=true, color-depth=24"
    )


@pytest.mark.parametrize(
    "params", [RdpParams(security="vmconnect"), RdpParams(remote_app="||notepad")]
)
def test_what_takes_freerdp(params: RdpParams) -> None:
    check_engine("freerdp", params)
    check_engine("aardwolf", RdpParams())
    with pytest.raises(UnsupportedError, match="takes FreeRDP, and this daemon uses aardwolf"):
        check_engine("aardwolf", params)
