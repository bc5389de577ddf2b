"""Sessions whose workers use FreeRDP 3, whatever version the system has."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.rdp.launcher import launcher
from handlers.rdp.redirection import ENCRYPTED
from tests.handlers.rdp import (
    test_introduction,
    test_pipes,
    test_redirection,
    test_remote_app,
    test_touch,
)
from tests.handlers.rdp.clipboard import test_files_of_xrdp
from tests.handlers.rdp.clipboard.test_clipboard import copied, copy, pastes
from tests.handlers.rdp.devices import test_with_scripted_host
from tests.handlers.rdp.gateway import test_gateway
from tests.handlers.rdp.sessions import connected, shows
from tests.handlers.rdp.test_microphone import recorded
from tests.handlers.rdp.test_session import show_something
from tests.handlers.rdp.test_sound import tone
from tests.support.certificates import Authority, Pair
from tests.support.freerdp3 import python_with_freerdp3
from tests.support.freerdp_shadow import ALICE, freerdp_shadow
from tests.support.rdp_broker import RdpBroker
from tests.support.rdp_host import RdpHost
from tests.support.xrdp import Xrdp
from tests.support.xvnc import Desktop


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, object]:
    return {"drive_directories": [str(tmp_path)]}


@pytest.fixture(scope="module")
def zygote(zygotes: None) -> Iterator[None]:
    launcher.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(python_with_freerdp3()))
        assert launcher.start().version.startswith("3.")
    yield
    launcher.close()


@pytest.mark.parametrize("security", ["rdp", "tls", "nla"])
async def test_the_shadow_servers_picture_is_exact(
    security: str, daemon: Daemon, desktop: Desktop, pair: Pair, tmp_path: Path
) -> None:
    show_something(desktop)
    async with (
        freerdp_shadow(desktop, security, pair, tmp_path) as parameters,
        connected(daemon, parameters | ALICE.parameters, security=security) as client,
    ):
        client.mouse(1, 1)
        await shows(client, desktop)


@pytest.mark.parametrize("port", ["Xorg", "Xvnc"])
async def test_the_picture_of_xrdp_is_exact(port: str, daemon: Daemon, xrdp: Xrdp) -> None:
    async with connected(daemon, xrdp.parameters(port)) as client:
        display = await xrdp.display()
        show_something(display)
        client.mouse(1, 1)
        await shows(client, display)


async def test_a_wrong_password_is_refused(
    daemon: Daemon, desktop: Desktop, pair: Pair, tmp_path: Path
) -> None:
    async with freerdp_shadow(desktop, "nla", pair, tmp_path) as parameters:
        values = parameters | ALICE.parameters | {"password": "wrong", "ignore-cert": "true"}
        async with await GuacClient.connect(address(daemon), "rdp", values) as client:
            await client.wait_closed()
    ((_, status),) = client.state.errors
    assert status == Status.CLIENT_UNAUTHORIZED


async def test_files_in_the_clipboard(daemon: Daemon, xrdp: Xrdp, tmp_path: Path) -> None:
    await test_files_of_xrdp.test_a_file_of_the_host(daemon, xrdp, tmp_path)


async def test_clipboard_and_sound_in_both_directions(
    daemon: Daemon, xrdp: Xrdp, tmp_path: Path
) -> None:
    async with connected(daemon, xrdp.parameters(), enable_audio_input="true") as client:
        display = await xrdp.display()
        client.clipboard("there")
        await pastes(display, "there")
        copy(display, tmp_path, "back")
        await copied(client, "back")
        await xrdp.play(display, tone(1.0))
        await client.wait(lambda: client.canvas.counts["audio"], "sound")
        assert any(await recorded(client, xrdp))


async def test_static_channels(daemon: Daemon, xrdp: Xrdp) -> None:
    await test_pipes.test_both_directions(daemon, xrdp)


async def test_devices(daemon: Daemon, authority: Authority, tmp_path: Path) -> None:
    """With sound, FreeRDP has a channel of the same name."""
    await test_with_scripted_host.test_printing("false", daemon, authority, tmp_path)
    await test_with_scripted_host.test_a_drive(daemon, authority, tmp_path)


async def test_touches(daemon: Daemon, authority: Authority, tmp_path: Path) -> None:
    await test_touch.test_fingers_reach_the_host(daemon, authority, tmp_path)
    await test_touch.test_what_is_no_message_closes_the_channel(daemon, authority, tmp_path)


async def test_remote_apps(daemon: Daemon, authority: Authority, tmp_path: Path) -> None:
    handshake = test_remote_app.order(test_remote_app.HANDSHAKE_EX, "<II", 17763, 1)
    await test_remote_app.test_the_program_is_started(handshake, daemon, authority, tmp_path)
    await test_remote_app.test_a_minimized_window_is_restored(daemon, authority, tmp_path)
    await test_remote_app.test_a_host_without_remote_apps(daemon, authority, tmp_path)


async def test_what_a_client_says(daemon: Daemon, authority: Authority, tmp_path: Path) -> None:
    await test_introduction.test_what_precedes_the_connection(daemon, authority, tmp_path)
    await test_introduction.test_the_client_and_its_screen(daemon, authority, tmp_path)
    await test_introduction.test_monitors(daemon, authority, tmp_path)
    await test_introduction.test_the_session(daemon, authority, tmp_path)
    await test_introduction.test_what_is_cached(daemon, authority, tmp_path)
    await test_introduction.test_input_and_codecs(daemon, authority, tmp_path)


async def test_redirections(
    daemon: Daemon, authority: Authority, xrdp: Xrdp, tmp_path: Path
) -> None:
    to = {"fqdn": "nowhere.invalid", "addresses": "127.0.0.1"}
    await test_redirection.test_the_targets_desktop_is_shown(to, daemon, authority, xrdp, tmp_path)
    await test_redirection.test_what_a_target_learns(daemon, authority, tmp_path)
    await test_redirection.test_a_desktop_that_redirects(daemon, authority, xrdp, tmp_path)


async def test_a_gateway(
    daemon: Daemon, authority: Authority, pair: Pair, xrdp: Xrdp, tmp_path: Path
) -> None:
    await test_gateway.test_a_desktop_behind_a_gateway(daemon, authority, pair, xrdp, tmp_path)


async def test_one_time_credentials(
    daemon: Daemon, authority: Authority, pair: Pair, desktop: Desktop, tmp_path: Path
) -> None:
    await test_redirection.test_one_time_credentials_for_nla(
        daemon, authority, pair, desktop, tmp_path
    )


async def test_encrypted_passwords(daemon: Daemon, authority: Authority, tmp_path: Path) -> None:
    """As GNOME Remote Desktop uses them for logins."""
    tls = authority.server_context(tmp_path)
    sealed = test_redirection.SEALED | {"address": "192.0.2.1"}
    broker = RdpBroker(tls, sealed, ENCRYPTED)
    host = RdpHost(tls)
    broker.follow(host)
    await test_redirection.led(daemon, broker, host, ignore_cert="true")
    said = await host.introduced
    assert said.request[7:].startswith(b"Cookie: msts=1\r\n")
    assert said.rdstls == [b"a guid", "once\0".encode("utf-16-le"), bytes(2), b"\1\0\2"]


@pytest.mark.parametrize("told", [True, False])
async def test_a_broker_vouches_for_a_certificate(
    told: bool, daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    found = await test_redirection.certified(daemon, authority, tmp_path, told=told)
    assert found[0] == told, found[1]


@pytest.mark.parametrize(
    ("zone", "bias", "name", "month", "more"),
    [
        ("Europe/Berlin", -60, "W. Europe Standard Time", 3, -60),
        ("America/New_York", 300, "Eastern Standard Time", 3, -60),
        ("Asia/Kolkata", -330, "India Standard Time", 0, 0),
    ],
)
async def test_time_zones(
    zone: str,
    bias: int,
    name: str,
    month: int,
    more: int,
    daemon: Daemon,
    authority: Authority,
    tmp_path: Path,
) -> None:
    said = await test_introduction.introduced(daemon, authority, tmp_path, timezone=zone)
    assert said.zone == (bias, name, month, more)
    assert f"{name}\0".encode("utf-16-le") in said.info[-len(name) * 2 - 300 :]
