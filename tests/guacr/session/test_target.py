"""Whom a session connects to, in the log."""

import logging

import pytest

from guacr.session.target import Target
from tests.support.loopback import Bench, frame, session_of, sketch


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (Target("example.com:22", "alice"), "alice at example.com:22"),
        (Target("example.com:22"), "example.com:22"),
        (Target(), ""),
        (Target("h" * 80, "u" * 80), f"{'u' * 80} at {'h' * 80}"),
        (Target("h" * 81, "u" * 5000), f"{'u' * 79}… at {'h' * 79}…"),
    ],
)
def test_it_reads_as_a_person_would_write_it(target: Target, text: str) -> None:
    assert str(target) == text


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
