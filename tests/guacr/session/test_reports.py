"""What is reported of sessions, in the log and as events."""

from __future__ import annotations

import logging
import time

import pytest

from guacr.session.counters import Counters
from guacr.session.events import Events, Pasted
from guacr.session.origin import ANYONE
from guacr.session.reports import AUDITED_MAX, SessionReports
from guacr.session.target import Target
from guacr.settings.journal import AuditSettings
from tests.support.loopback import Bench, frame, session_of, sketch


async def test_the_log_says_who_went_where(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bench = Bench()
    transport, user = bench.connect(hostname="fe80::1", password="secret")
    await frame(transport)
    transport.send("key", 65, 1)
    session = session_of(user)
    assert sketch(user).target() == Target("[fe80::1]")
    assert (session.traffic.received, session.traffic.sent) == (15, transport.written)
    session.detach(user)
    await bench.close()
    (opened,) = [text for text in caplog.messages if "session opened" in text]
    (ended,) = [text for text in caplog.messages if "session ended" in text]
    assert opened == "session opened: [fe80::1]"
    traffic = f"15 bytes received, {transport.written} bytes sent"
    assert ended == f"session ended: [fe80::1], after 0 s, {traffic}"
    assert "secret" not in caplog.text


async def test_a_session_without_a_host_is_logged_as_well(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bench = Bench()
    transport, _user = bench.connect(hostname="")
    await frame(transport)
    await bench.close()
    assert "session opened" in caplog.messages


async def test_a_clock_that_is_set_does_not_change_how_long_a_session_was(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, before = Bench(), time.time()
    caplog.set_level(logging.INFO)
    transport, user = bench.connect()
    await frame(transport)
    monkeypatch.setattr(time, "time", lambda: before - 3600)
    session_of(user).detach(user)
    await bench.close()
    assert "after 0 s, " in next(text for text in caplog.messages if "session ended" in text)


@pytest.mark.parametrize("size", [AUDITED_MAX, AUDITED_MAX + 1])
async def test_the_begin_of_a_clipboard_is_reported(size: int) -> None:
    bench, events = Bench(), Events()
    _transport, user = bench.connect()
    session = session_of(user)
    reports = SessionReports(
        session.id,
        session.protocol,
        ANYONE,
        settings=AuditSettings(clipboard_content=True),
        log=session.log,
        counters=Counters(),
        events=events,
    )
    seen = events.subscribe()
    reports.pasted(user, {"text/plain": b"x" * size})
    event = await anext(seen)
    assert event == Pasted(session.id, user.id, {"text/plain": size}, "x" * AUDITED_MAX)
    await bench.close()
