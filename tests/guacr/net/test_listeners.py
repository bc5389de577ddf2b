"""Listening sockets."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from guacr.errors import SettingsError
from guacr.event_loop import loop_type
from guacr.net import listeners
from guacr.net.listeners import ListeningSockets, tcp_sockets, unix_socket


def test_the_unix_socket_of_a_program_that_hangs(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket(socket.AF_UNIX))
        listening.bind(str(path))
        listening.listen(0)
        error = 0
        while not error:
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            error = client.connect_ex(str(path))
        with pytest.raises(SettingsError, match="another program listens there"):
            unix_socket(path, 0o600, 1)


def test_the_unix_socket_of_a_daemon_that_has_replaced_this_one_remains(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    before, after = ListeningSockets(), ListeningSockets()
    before.open_unix(path, 0o600, 1)
    path.unlink()
    after.open_unix(path, 0o600, 1)
    before.close()
    assert path.exists()
    after.close()
    assert not path.exists()


@pytest.mark.parametrize("is_guacds", [False, True])
async def test_guacd_is_only_suspected_on_its_own_port(
    monkeypatch: pytest.MonkeyPatch, *, is_guacds: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setattr(listeners, "GUACD", port if is_guacds else port + 1)
        program = r"another program \(guacd\?\)" if is_guacds else "another program"
        with pytest.raises(SettingsError, match=f"port {port}: {program} listens there$"):
            await tcp_sockets(["127.0.0.1"], port, 1)


@pytest.fixture(scope="module", autouse=True)
def signals_of_uvloop() -> None:
    """Its first event loop opens a pipe that the process keeps."""
    loop_type()().close()


@pytest.fixture
def runner() -> asyncio.Runner:
    return asyncio.Runner(loop_factory=loop_type())


@pytest.mark.parametrize("host", ["::1%nope", "::1%999999"])
def test_a_zone_that_is_no_interface(host: str, runner: asyncio.Runner) -> None:
    with runner, pytest.raises(SettingsError, match="cannot listen on ::1%"):
        runner.run(tcp_sockets([host], 0, 1))
