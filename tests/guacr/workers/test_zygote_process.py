"""The process of a zygote, which does not get as far as to fork workers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from guacr.access.keys import ProcessKeys
from guacr.errors import SettingsError
from guacr.settings.models import Settings
from guacr.workers import zygote_process
from guacr.workers.boot import Boot
from guacr.workers.zygote_process import ZygoteProcess


@pytest.fixture
async def zygote() -> Iterator[ZygoteProcess]:  # type: ignore[misc]
    made = ZygoteProcess(
        Boot(Settings(), ProcessKeys.generate(), 1), lambda number, pid, process: None
    )
    yield made
    made.close()


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (signal.SIGKILL, "killed by signal 9, as the system does if there is too little memory"),
        (signal.SIGSEGV, "killed by signal 11$"),
    ],
)
async def test_one_that_is_killed_while_it_starts(
    zygote: ZygoteProcess, number: int, reason: str
) -> None:
    os.kill(zygote._process.pid, number)
    with pytest.raises(SettingsError, match=f"the workers cannot be started: .* {reason}"):
        await zygote.started()
    assert not zygote.is_alive


async def test_one_that_runs_has_not_been_killed(
    zygote: ZygoteProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zygote_process, "DEATH_TIMEOUT", 0.01)
    assert await zygote.death() == ""


async def test_one_that_ends_by_itself(zygote: ZygoteProcess) -> None:
    zygote._channel.close()  # it cannot report that it is ready, and ends
    zygote._gone()
    with pytest.raises(SettingsError, match="the workers cannot be started: see the log"):
        await zygote.started()
