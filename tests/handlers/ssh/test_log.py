"""The log of an SSH session: all of its lines, asyncssh's as well, carry its id."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from guacr import log
from guacr.settings.models import LogSettings
from tests.support.logging_state import unchanged_logging
from tests.support.openssh import OpenSsh
from tests.support.ssh_desk import shell, ssh_daemon
from tests.support.waiting import until


@pytest.fixture(scope="module", autouse=True)
def signals_of_uvloop() -> None:
    """Its first event loop opens a pipe that the process keeps."""
    if importlib.util.find_spec("uvloop"):
        import_module("uvloop").new_event_loop().close()


def uvloop_runner() -> asyncio.Runner:
    return asyncio.Runner(loop_factory=pytest.importorskip("uvloop").Loop)


@pytest.mark.parametrize("make_runner", [asyncio.Runner, uvloop_runner])
def test_lines_of_a_session(
    make_runner: Callable[[], asyncio.Runner],
    server: OpenSsh,
    key: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def visit() -> None:
        async with ssh_daemon() as daemon, shell(daemon, server, key) as one:
            one.client.size(640, 480)
            await until(lambda: one.handler.terminal.emulator.columns < 80, "another size")

    with unchanged_logging(), make_runner() as runner:
        log.configure(LogSettings(format="json", level="debug"))
        logging.getLogger("asyncio").setLevel(logging.WARNING)  # of the tests
        runner.run(visit())
    entries = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    events = {entry["event"]: entry for entry in entries if "event" in entry}
    assert [name for name in log.EVENTS if name in events] == [
        "accepted",
        "handshake",
        "opened",
        "joined",
        "left",
        "ended",
    ]
    assert all(entry["client"].startswith("127.0.0.1") for entry in events.values())
    session = events["opened"]["session"]
    assert events["handshake"]["protocol"] == "ssh"
    libraries: list[dict[str, Any]] = [e for e in entries if e["logger"].startswith("asyncssh")]
    assert len(libraries) > 3
    assert {entry.get("session") for entry in libraries} == {session}
    assert {entry.get("protocol") for entry in libraries} == {"ssh"}
    assert events["left"]["user"] == events["joined"]["user"]
