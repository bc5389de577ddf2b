"""`guacr top` as a process: where it cannot show anything, and how it ends."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from guacr.cli.main import main
from tests.guacr.operators.conftest import control_settings, running_site
from tests.support.waiting import until


@pytest.mark.parametrize("interval", ["soon", "0", "nan", "inf"])
def test_intervals_that_make_no_sense(interval: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["top", "--interval", interval])
    assert "--interval: must be from 0.5 to 3600 seconds" in capsys.readouterr().err


def test_it_needs_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["top", "--url", "http://127.0.0.1:1"]) == 2
    assert "needs a terminal: use guacr sessions" in capsys.readouterr().err


@dataclass
class Terminal:
    """A terminal in which `guacr top` shows its screen."""

    keys: int
    process: asyncio.subprocess.Process
    shown: bytearray = field(default_factory=bytearray)

    def read(self) -> None:
        with suppress(OSError):
            self.shown += os.read(self.keys, 65536)

    async def ended(self, keys: bytes) -> int:
        """Type keys until the process ends; return its exit status."""
        for _ in range(100):
            os.write(self.keys, keys)
            with suppress(TimeoutError):
                return await asyncio.wait_for(self.process.wait(), 0.2)
        raise AssertionError("it does not end")


@asynccontextmanager
async def terminal(directory: Path) -> AsyncIterator[Terminal]:
    """Yield one whose screen shows a daemon; check that it is as before at the end."""
    keys, tty = pty.openpty()
    before = termios.tcgetattr(tty)
    loop = asyncio.get_running_loop()
    async with running_site(control_settings(directory)):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "guacr", "top", "--socket", str(directory / "control.sock")),
            env=os.environ | {"TERM": "xterm-256color"},
            stdin=tty,
            stdout=tty,
            stderr=tty,
        )
        one = Terminal(keys, process)
        loop.add_reader(keys, one.read)
        try:
            await until(lambda: b"sessions 0" in one.shown, "the screen")
            yield one
            assert process.returncode is not None
            assert termios.tcgetattr(tty) == before
            await until(lambda: b"\x1b[?1049l" in one.shown, "the end of the alternate screen")
            assert b"Traceback" not in one.shown
        finally:
            loop.remove_reader(keys)
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            os.close(keys)
            os.close(tty)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, -15), (signal.SIGINT, 130)])
async def test_signals_leave_the_terminal_as_it_was(
    number: signal.Signals, status: int, tmp_path: Path
) -> None:
    async with terminal(tmp_path) as one:
        one.process.send_signal(number)
        assert await asyncio.wait_for(one.process.wait(), 20) == status


async def test_ctrl_c_ends_it(tmp_path: Path) -> None:
    async with terminal(tmp_path) as one:
        assert await one.ended(b"\x03") == 0


async def test_keys_that_are_not_utf_8_are_dropped(tmp_path: Path) -> None:
    async with terminal(tmp_path) as one:
        os.write(one.keys, b"\xe9a")
        assert await one.ended(b"q") == 0
