"""The actions of operators, apart from the interfaces."""

from __future__ import annotations

import logging
import time

import pytest

from guacr.access.keys import ProcessKeys
from guacr.access.operator_tokens import ALL_RIGHTS
from guacr.control.local import LocalControl
from guacr.operators.authority import Operator
from guacr.operators.operations import Operations
from guacr.session.events import Refused
from guacr.settings.models import Settings
from tests.support.loopback import Bench, session_of


async def test_streams_end_with_the_rights_of_their_readers() -> None:
    bench = Bench()
    operations = Operations(LocalControl(bench.registry), Settings(), ProcessKeys.generate())
    for expires in (0.0, time.time() + 0.05):
        operator = Operator("ann", ALL_RIGHTS, "10.0.0.1", expires)
        async with operations.events(operator) as events:
            await anext(events)
        assert not bench.registry.events._subscriptions
    await bench.close()


async def test_rights_end_though_the_timer_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a standstill of the process."""
    bench, before = Bench(), time.time()
    operations = Operations(LocalControl(bench.registry), Settings(), ProcessKeys.generate())
    operator, seen = Operator("ann", ALL_RIGHTS, "10.0.0.1", before + 60), list[str]()
    async with operations.events(operator) as events:
        bench.registry.events.publish(Refused("x", "y"))
        seen.append((await anext(events))["event"])
        monkeypatch.setattr(time, "time", lambda: before + 61)
        bench.registry.events.publish(Refused("x", "y"))
        seen.append((await anext(events))["event"])
    assert seen == ["refused"]
    await bench.close()


async def test_streams_are_ended_while_they_end() -> None:
    bench = Bench()
    operations = Operations(LocalControl(bench.registry), Settings(), ProcessKeys.generate())
    async with operations.events(Operator("ann", ALL_RIGHTS, "10.0.0.1")) as events:
        operations.end_streams()
        try:
            await anext(events)
        finally:
            operations.end_streams()
    assert not operations._streams
    await bench.close()


async def test_the_log_has_the_session_that_an_operator_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "guacr.operators")
    bench = Bench()
    operations = Operations(LocalControl(bench.registry), Settings(), ProcessKeys.generate())
    _transport, user = bench.connect(hostname="example.com")
    session = session_of(user).id
    await operations.end(Operator("ann", ALL_RIGHTS, "10.0.0.1", 0.0), session, "")
    (line,) = [record for record in caplog.records if record.name == "guacr.operators"]
    assert (line.getMessage(), vars(line)["session"]) == ("operator ann at 10.0.0.1: end", session)
    await bench.close()
