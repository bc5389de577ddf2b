"""The daemon and its services: the order of their steps, and what failures leave behind."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from guacr.access.keys import ProcessKeys
from guacr.daemon import Daemon
from guacr.errors import SettingsError
from guacr.services import Service
from guacr.settings.models import Settings
from guacr.testing.daemon import local_settings


class Noted(Service):
    """Notes what is done with it; fails at one step."""

    need_restart = ("display.quality",)

    def __init__(self, name: str, steps: list[str], fails_at: str = "") -> None:
        self._name = name
        self._steps = steps
        self._fails_at = fails_at

    def _step(self, step: str) -> None:
        self._steps.append(f"{self._name} {step}")
        if step == self._fails_at:
            raise SettingsError(f"{step} has failed")

    async def open(self) -> None:
        self._step("open")

    async def start(self) -> None:
        self._step("start")

    def stop(self) -> None:
        self._step("stop")

    async def close(self) -> None:
        self._step("close")

    def reload(self, settings: Settings) -> Callable[[], None]:
        self._step("reload")
        return lambda: self._step("apply")


def daemon_of(*services: Service) -> Daemon:
    daemon = Daemon(local_settings())
    daemon._services = list(services)
    return daemon


async def test_services_are_opened_and_closed_in_step() -> None:
    steps: list[str] = []
    daemon = daemon_of(Noted("a", steps), Noted("b", steps))
    await daemon.start()
    await daemon.close()
    phases = ("open", "start", "stop", "close")
    assert steps == [f"{name} {phase}" for phase in phases for name in "ab"]


@pytest.mark.parametrize("phase", ["open", "start"])
async def test_a_service_that_fails_has_all_of_them_closed(phase: str) -> None:
    steps: list[str] = []
    daemon = daemon_of(Noted("a", steps), Noted("b", steps, phase))
    with pytest.raises(SettingsError, match=f"{phase} has failed"):
        await daemon.start()
    assert steps[-4:] == ["a stop", "b stop", "a close", "b close"]


async def test_settings_that_one_service_cannot_use_change_nothing() -> None:
    steps: list[str] = []
    daemon = daemon_of(Noted("a", steps), Noted("b", steps, "reload"))
    before = daemon.settings
    with pytest.raises(SettingsError):
        daemon.reload(local_settings(display={"quality": 50}))
    assert steps == ["a reload", "b reload"]
    assert daemon.settings is daemon.registry.settings is before
    await daemon.close()


@pytest.mark.parametrize("step", ["stop", "close"])
async def test_a_service_that_fails_to_end_holds_up_no_other(
    step: str, caplog: pytest.LogCaptureFixture
) -> None:
    steps: list[str] = []
    daemon = daemon_of(Noted("a", steps, step), Noted("b", steps))
    await daemon.start()
    await daemon.close()
    assert steps[-4:] == ["a stop", "b stop", "a close", "b close"]
    assert f"{step} has failed" in caplog.text


async def test_a_unix_socket_that_cannot_be_removed_is_only_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = tmp_path / "run"
    directory.mkdir()
    daemon = Daemon(local_settings(server={"unix_socket": directory / "guacr.sock"}))
    await daemon.start()
    directory.rename(tmp_path / "moved")
    directory.touch()
    await daemon.close()
    assert "guacr.sock was not removed: Not a directory" in caplog.text


async def test_a_reload_names_what_needs_a_restart() -> None:
    steps: list[str] = []
    daemon = daemon_of(Noted("a", steps))
    assert daemon.reload(local_settings()) == []
    assert daemon.reload(local_settings(display={"quality": 50})) == ["display.quality"]
    assert daemon.reload(local_settings()) == [], "it is as it was at the start"
    assert steps == ["a reload", "a apply"] * 3
    await daemon.close()


def test_keys_are_not_shown() -> None:
    keys = ProcessKeys.generate()
    assert keys != ProcessKeys.generate()
    assert len(keys.tokens) >= 43
    assert keys.tokens not in repr(keys)


# ---- WebRTC

WITHOUT_AIOICE = """
import sys
sys.modules["aioice"] = None
from guacr.daemon import Daemon
from guacr.errors import SettingsError
from guacr.testing.daemon import local_settings
Daemon(local_settings())
assert not [name for name in sys.modules if name.startswith("guacr.tubes")]
try:
    Daemon(local_settings(webrtc={"enabled": True}))
except SettingsError as error:
    print(error)
"""


def test_without_its_libraries_webrtc_cannot_be_enabled() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_AIOICE], capture_output=True, text=True, check=True
    )
    assert "aioice" in done.stdout
    assert done.stdout.endswith("install guacr[webrtc]\n")


WITHOUT_ACME = """
import sys
sys.modules["acme"] = None
from guacr.daemon import Daemon
from guacr.errors import SettingsError
from guacr.testing.daemon import local_settings
Daemon(local_settings())
assert not [name for name in sys.modules if name.startswith("guacr.acme.")]
try:
    Daemon(local_settings(acme={"domains": ["desk.example"], "agree_to_terms": True}))
except SettingsError as error:
    print(error)
"""


def test_without_its_library_acme_cannot_be_enabled() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_ACME], capture_output=True, text=True, check=True
    )
    assert done.stdout == (
        "acme.domains needs a library that is not installed (acme): install guacr[acme]\n"
    )


async def test_webrtc_starts_with_the_daemon_and_changes_with_its_settings() -> None:
    page = {"hosts": ["127.0.0.1"], "port": 0}
    daemon = Daemon(local_settings(webrtc={"enabled": True, "loopback": True}, websocket=page))
    await daemon.start()
    try:
        url = f"http://127.0.0.1:{daemon.web_port}/"
        async with aiohttp.ClientSession() as http, http.get(url) as response:
            assert "data-webrtc" in await response.text()
        with pytest.raises(SettingsError, match="turns is TLS"):
            daemon.reload(with_server("turns:a?transport=udp"))
        assert "webrtc.enabled" not in daemon.reload(with_server("turn:a"))
        assert daemon.settings.webrtc.servers[0].url == "turn:a"
        assert "webrtc.enabled" in daemon.reload(local_settings())
    finally:
        await daemon.close()


def with_server(url: str) -> Settings:
    return local_settings(
        webrtc={"enabled": True, "loopback": True, "servers": [{"url": url, "secret": "s"}]}
    )


async def test_signalling_counts_as_a_connection_that_waits_for_a_session() -> None:
    page = {"hosts": ["127.0.0.1"], "port": 0}
    settings = local_settings(
        webrtc={"enabled": True, "loopback": True},
        websocket=page,
        connections={"card": {"protocol": "testcard"}},
        server={"hosts": ["127.0.0.1"], "port": 0, "max_waiting": 1},
    )
    daemon = Daemon(settings)
    await daemon.start()
    try:
        url = f"http://127.0.0.1:{daemon.web_port}"
        async with aiohttp.ClientSession() as http, aiohttp.ClientSession() as other:
            async with http.ws_connect(f"{url}/webrtc?connection=card") as socket:
                assert (await socket.receive_json())["type"] == "servers"
                async with other.get(f"{url}/health") as response:
                    assert response.status == 503
            async with http.get(f"{url}/health") as response:
                assert response.status == 200
    finally:
        await daemon.close()
