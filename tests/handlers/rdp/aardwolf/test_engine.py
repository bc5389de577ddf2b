"""What is said if an engine cannot be used, and which one is found."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from typing import Any

import pytest

from guacr.api import UnsupportedError
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address, local_settings, running_daemon
from handlers.rdp import launcher as launching
from handlers.rdp.aardwolf import engine
from handlers.rdp.freerdp import library
from handlers.rdp.handler import RdpHandler
from handlers.rdp.launcher import Loaded
from handlers.rdp.params import RdpParams
from handlers.rdp.restrictions import check_engine, restrictions_of
from handlers.rdp.worker import engines
from handlers.rdp.worker.client import UnavailableError
from tests.handlers.rdp.sessions import aardwolf
from tests.support.waiting import free_port


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
    assert restrictions_of("freerdp", "3.15.0", asking) is None
    assert restrictions_of("freerdp", "2.11.7", asking) is None
    zone = RdpParams(timezone="Asia/Tokyo")
    assert restrictions_of("freerdp", "3.15.0", zone) is None
    assert str(restrictions_of("freerdp", "2.11.7", zone)) == "ignores timezone=Asia/Tokyo"
    quiet = RdpParams(disable_audio=True)
    assert str(restrictions_of("aardwolf", engine.KNOWN, quiet)) == "has no graphics pipeline"
    usual = restrictions_of("aardwolf", engine.KNOWN, RdpParams())
    assert usual is not None
    assert not usual.ignored
    assert str(usual) == "has no graphics pipeline and no sound"
    assert str(restrictions_of("aardwolf", engine.KNOWN, asking)) == (
        "has no graphics pipeline and no sound, and ignores enable-audio-input=true, color-depth=24"
    )


@pytest.mark.parametrize(
    "params", [RdpParams(security="vmconnect"), RdpParams(remote_app="||notepad")]
)
def test_what_takes_freerdp(params: RdpParams) -> None:
    check_engine("freerdp", params)
    check_engine("aardwolf", RdpParams())
    with pytest.raises(UnsupportedError, match="needs FreeRDP, and this daemon uses aardwolf"):
        check_engine("aardwolf", params)


async def test_a_session_without_aardwolf(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that would load it finds no libraries."""
    monkeypatch.setattr(launching, "_libraries", list[str])
    parameters = {"hostname": "127.0.0.1", "port": str(free_port())}
    async with (
        running_daemon(RdpHandler, settings=local_settings(rdp={"engine": "aardwolf"})) as daemon,
        await GuacClient.connect(address(daemon), "rdp", parameters) as client,
    ):
        await client.wait_closed()
    ((sentence, status),) = client.state.errors
    assert sentence == "aardwolf is not installed: install guacr's extra rdp"
    assert status == Status.UNSUPPORTED


@aardwolf
async def test_what_it_cannot_do_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    parameters = {"hostname": "127.0.0.1", "port": str(free_port()), "enable-touch": "true"}
    async with (
        running_daemon(RdpHandler, settings=local_settings(rdp={"engine": "aardwolf"})) as daemon,
        await GuacClient.connect(address(daemon), "rdp", parameters) as client,
    ):
        await client.wait_closed()
    launching.launchers["aardwolf"].close()
    (line,) = [one.message for one in caplog.records if "RDP engine" in one.message]
    assert line.endswith(
        f"the RDP engine aardwolf {engine.KNOWN} has no graphics pipeline and no sound, and "
        "ignores enable-touch=true"
    )
