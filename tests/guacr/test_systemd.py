"""The sockets that systemd passes; `process/test_run.py` has daemons that are started with them."""

import asyncio
import os
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from guacr.errors import SettingsError
from guacr.systemd import activated_sockets, feed_watchdog, notify


@pytest.mark.parametrize("count", ["x", "-1", "", "1.0", "٣", "9" * 30])
def test_a_count_that_is_none_is_refused(count: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", count)
    with pytest.raises(SettingsError, match="LISTEN_FDS must be a number of sockets"):
        activated_sockets()


def test_what_is_for_another_process_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getppid()))
    monkeypatch.setenv("LISTEN_FDS", "x")
    assert activated_sockets() == []
    assert os.environ["LISTEN_FDS"] == "x"


async def test_the_watchdog_hears_of_a_process_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "15000")
        feeding = asyncio.create_task(feed_watchdog())
        for _ in range(3):
            said = await asyncio.get_running_loop().sock_recv(systemd, 99)
            assert said == b"WATCHDOG=1"
        feeding.cancel()
        await asyncio.wait([feeding])


def test_a_receiver_that_reads_nothing_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "notify")
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
    ):
        systemd.bind(path)
        sender.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                sender.sendto(b"x", path)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        notifying = threading.Thread(target=notify, args=["WATCHDOG=1"], daemon=True)
        notifying.start()
        notifying.join(10)
        assert not notifying.is_alive()


@pytest.mark.parametrize("microseconds", ["", "0", "x", "-5", "9" * 16, "٣"])
async def test_without_a_watchdog_nothing_is_fed(
    microseconds: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    await feed_watchdog()


async def test_the_watchdog_of_another_process_is_not_fed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "15000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getppid()))
    await feed_watchdog()
