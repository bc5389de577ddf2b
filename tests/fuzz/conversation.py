"""Fuzzes a conversation: a peer that sends anything gets its connections and refusals within the
limits, and nothing is left of the conversation."""

from __future__ import annotations

import asyncio
from typing import Any

from guacr.tubes.connections.handler import Data, Ended, EndOfData, Handler, HandlerEvent, Opened
from guacr.tubes.conversation import Conversation, ConversationOptions
from guacr.tubes.events import ConversationClosed, ConversationOpened, Event
from guacr.tubes.reasons import CloseReason
from guacr.tubes.sctp.channels import Channel, ChannelState
from guacr.tubes.wire.control import (
    CloseConnection,
    ConnectionOpened,
    MetricsRequest,
    OpenConnection,
    Ping,
    SendEof,
    UdpAssociate,
    Window,
)
from guacr.tubes.wire.fragments import Fragmenter
from guacr.tubes.wire.frames import MESSAGE_MAX, FrameParser, encode
from tests.fuzz.driver import main
from tests.guacr.tubes.wire.captured import FRAMES

CONNECTIONS_MAX = 5
STEPS = (1, 7, 100, 100_000)


def _controls(*messages: Any) -> bytes:
    return b"".join(encode(0, message.encode(), 0) for message in messages)


SAMPLES = [
    *(one.data for one in FRAMES if len(one.data) < 500),
    _controls(OpenConnection(1), OpenConnection(2)) + encode(1, b"data", 0) + encode(2, b"", 0)
    + _controls(SendEof(1), SendEof(2), CloseConnection(2, CloseReason.NORMAL, "text")),
    _controls(*(OpenConnection(number) for number in range(8)), CloseConnection(0)),
    _controls(Window(0, 9), OpenConnection(1), Window(1, 20), SendEof(1), Window(1, 2**64 - 1))
    + encode(1, b"echo", 0) * 6,
    _controls(Ping(0, bytes(50)), Ping(3), MetricsRequest(), ConnectionOpened(1)),
    _controls(UdpAssociate(9, 1), OpenConnection(9), CloseConnection(9), OpenConnection(9)),
    b"".join(Fragmenter().cut(encode(1, bytes(20_000), 0))),
]  # fmt: skip


class _Owner:
    """Takes what the conversation sends."""

    message_max = MESSAGE_MAX

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def channel_send(self, channel: Channel, protocol: int, data: bytes | memoryview) -> None:
        assert len(data) <= MESSAGE_MAX
        self.sent.append(bytes(data))

    def channel_close(self, channel: Channel) -> None:
        pass

    def channel_consumed(self, count: int) -> None:
        pass


class _Application:
    """Echoes, and checks the order of what it is told."""

    def __init__(self) -> None:
        self.handler = Handler(self.on_events)
        self._open = set[int]()

    def on_events(self, events: list[HandlerEvent]) -> None:
        for event in events:
            match event:
                case Opened(number):
                    assert number not in self._open
                    self._open.add(number)
                case Data(number, payload):
                    assert number in self._open
                    if self.handler._conversation is not None:
                        self.handler.send(number, payload)
                case EndOfData(number):
                    assert number in self._open
                    self.handler.end_of_data(number)
                case Ended(number):
                    self._open.discard(number)


def one_input(data: bytes) -> None:
    """Receive `data` in messages, in both roles, with fragments and without."""
    kind = sum(data[:3])
    asyncio.run(_converse(data, STEPS[kind % 4], kind % 3 > 0, kind % 5 == 0))


async def _converse(data: bytes, step: int, is_answerer: bool, fragmented: bool) -> None:
    failures: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, what: failures.append(what))
    owner, application, events = _Owner(), _Application(), list[Event]()
    channel = Channel(owner, 0, "label")
    channel.state = ChannelState.OPEN
    options = ConversationOptions(
        is_answerer=is_answerer, fragmented=fragmented, connections_max=CONNECTIONS_MAX
    )
    one = Conversation(
        channel,
        events.append,
        options,
        backend=application.handler if is_answerer else None,
        front=application.handler,
    )
    await asyncio.sleep(0)
    if not is_answerer:
        application.handler.connect(1)
    for at in range(0, min(len(data), 2000 * step), step):
        channel.deliver(data[at : at + step])
        assert one.connections <= CONNECTIONS_MAX
        assert len(one.table.alive) <= 2 * CONNECTIONS_MAX  # those that were opened have had two
        if not at % 5:
            await asyncio.sleep(0)
    for _ in range(5):
        await asyncio.sleep(0)
    one.close(CloseReason.NORMAL)
    await one.wait_closed()
    await asyncio.sleep(0)
    _check(owner.sent, events, failures, fragmented)
    assert len(asyncio.all_tasks()) == 1


def _check(
    sent: list[bytes], events: list[Event], failures: list[dict[str, Any]], fragmented: bool
) -> None:
    assert not failures, failures
    assert [type(event) for event in events].count(ConversationClosed) == 1
    assert isinstance(events[-1], ConversationClosed)
    assert isinstance(events[0], ConversationOpened)
    parser = FrameParser()
    if not fragmented:
        for message in sent:
            parser.feed(message)
            assert not parser.damaged
        assert not parser.held


if __name__ == "__main__":
    main(one_input, SAMPLES)
