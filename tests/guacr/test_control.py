"""The sessions that operators list and end."""

import time

import pytest

from guacr.control import Control, SessionInfo
from guacr.errors import NotFoundError, SessionClosedError
from guacr.protocol.client import ClientInfo
from guacr.protocol.status import Status
from guacr.session.origin import Origin
from tests.support.loopback import Bench, MemoryTransport, frame, session_of


async def test_sessions_are_listed_without_secrets() -> None:
    bench = Bench()
    control = Control(bench.registry)
    assert await control.sessions() == []
    transport = MemoryTransport()
    texts = {"hostname": "example.com", "password": "pa55"}
    info = ClientInfo(width=9, height=9)
    origin = Origin(subject="ann")
    session = bench.registry.open("sketch", texts, info, transport, origin).session
    bench.connect(session.id)
    await frame(transport)
    (listed,) = await control.sessions()
    assert listed == SessionInfo(
        id=session.id,
        protocol="sketch",
        host="example.com",
        username="",
        client="memory",
        subject="ann",
        since=session.since,
        users=2,
        received=session.traffic.received,
        sent=session.traffic.sent,
    )
    assert listed.sent > 0
    assert time.time() - 60 < listed.since <= time.time()
    assert "pa55" not in repr(listed)
    await bench.close()


async def test_a_session_is_ended_with_a_sentence() -> None:
    bench = Bench()
    control = Control(bench.registry)
    transport, user = bench.connect()
    other, _ = bench.connect()
    await frame(transport)
    await control.end(session_of(user).id, SessionClosedError("maintenance: come back at ten"))
    assert transport.all("error") == [
        ("maintenance: come back at ten", str(int(Status.SESSION_CLOSED)))
    ]
    assert transport.closed_with == Status.SESSION_CLOSED
    assert other.closed_with is None
    with pytest.raises(NotFoundError, match="unknown connection"):
        await control.end(session_of(user).id, SessionClosedError("again"))
    await bench.close()
