"""Conversations over real associations: both ends guacr, or one of them a peer that sends what it
likes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar
from weakref import WeakSet

from guacr.tubes.backlog import Backlog
from guacr.tubes.connections.connection import Backend
from guacr.tubes.connections.listener import Listener
from guacr.tubes.conversation import Conversation, ConversationOptions
from guacr.tubes.events import Event
from guacr.tubes.reasons import CloseReason
from guacr.tubes.sctp import Channel
from guacr.tubes.wire import control
from guacr.tubes.wire.control import CloseConnection, ControlMessage, Ping, Window
from guacr.tubes.wire.frames import MESSAGE_MAX, FrameParser, encode
from tests.support.sctp_pair import SctpPair, sctp_pair
from tests.support.waiting import until

E = TypeVar("E")
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Talk:
    """The two ends of a conversation, and what happens in each."""

    def __init__(self, pair: SctpPair, listener: Listener | None) -> None:
        self.pair = pair
        self.listener = listener
        self.offerer: Conversation
        self.answerer: Conversation
        self.events: tuple[list[Event], list[Event]] = ([], [])
        """Those of the offerer, and those of the answerer."""

    def seen(self, end: int, kind: type[E]) -> list[E]:
        """The events of a kind at one end."""
        return [event for event in self.events[end] if isinstance(event, kind)]

    async def connect(self) -> Streams:
        """A client of the listener."""
        assert self.listener is not None
        host, _, port = self.listener.address.rpartition(":")
        return await asyncio.open_connection(host.strip("[]"), int(port))


@asynccontextmanager
async def talk(
    backend: Backend | None,
    *,
    socks: bool = False,
    fragmented: bool = False,
    connections_max: int = 4096,
    listener: Listener | None = None,
    delay: float = 0.0,
) -> AsyncIterator[Talk]:
    """A conversation between two guacr peers; the offerer listens."""
    async with sctp_pair(delay=delay) as pair:
        one = Talk(pair, listener or Listener("127.0.0.1", 0, socks=socks))

        def options(is_answerer: bool) -> ConversationOptions:
            return ConversationOptions(
                is_answerer=is_answerer, fragmented=fragmented, connections_max=connections_max
            )

        def accept(channel: Channel) -> None:
            events = one.events[1].append
            one.answerer = Conversation(channel, events, options(True), backend=backend)

        pair.ends[1].on_channel = accept
        channel = pair.ends[0].open_channel("the label")
        one.offerer = Conversation(
            channel, one.events[0].append, options(False), front=one.listener
        )
        await until(lambda: all(one.events), "the conversation")
        try:
            yield one
        finally:
            one.offerer.abort()
            one.answerer.abort()
            await one.offerer.wait_closed()
            await one.answerer.wait_closed()


class RawPeer:
    """The peer of a conversation, which sends what it likes, and keeps what it receives."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.events: list[Event] = []
        self.messages: list[bytes] = []
        self.controls: list[ControlMessage] = []
        """Without those of `windows`."""
        self.windows: list[Window] = []
        self.data: dict[int, bytes] = {}
        self._parser = FrameParser()
        channel.on_message = self._receive

    def send(self, *messages: ControlMessage) -> None:
        """Send control messages, each in a frame and a message of its own."""
        for message in messages:
            self.send_frame(0, message.encode())

    def send_frame(self, number: int, payload: bytes) -> None:
        """Send a frame as a message."""
        self.channel.send(encode(number, payload, 0))

    def received(self, message: ControlMessage) -> Callable[[], bool]:
        """Whether a control message has been received."""
        return lambda: message in self.controls

    def closes(self, number: int) -> list[CloseConnection]:
        """The messages that close a connection."""
        return [
            one
            for one in self.controls
            if isinstance(one, CloseConnection) and one.conn_no == number
        ]

    async def answered(self) -> None:
        """Wait until the conversation has processed everything that was sent."""
        mark = Ping(0, str(len(self.messages)).encode())
        self.send(mark)
        await until(self.received(mark.pong()), "the pong")

    def _receive(self, message: bytes) -> None:
        self.messages.append(message)
        for number, payload in self._parser.feed(message):
            if number:
                self.data[number] = self.data.get(number, b"") + payload
            elif isinstance(one := control.parse(payload), Window):
                self.windows.append(one)
            elif one is not None:
                self.controls.append(one)


@asynccontextmanager
async def raw_peer(
    backend: Backend | None = None,
    *,
    is_answerer: bool = True,
    listener: Listener | None = None,
    fragmented: bool = False,
    connections_max: int = 4096,
    message_max: int = MESSAGE_MAX,
    backlog: Backlog | None = None,
) -> AsyncIterator[tuple[RawPeer, Conversation]]:
    """A conversation, an answerer unless said otherwise, and its raw peer."""
    async with sctp_pair() as pair:
        theirs, ours = await pair.channel("the label")
        peer = RawPeer(theirs)
        conversation = Conversation(
            ours,
            peer.events.append,
            ConversationOptions(
                is_answerer=is_answerer,
                fragmented=fragmented,
                connections_max=connections_max,
                message_max=message_max,
            ),
            backend=backend,
            front=listener,
            backlog=backlog,
        )
        try:
            yield peer, conversation
        finally:
            conversation.close(CloseReason.NORMAL)
            conversation.abort()
            await conversation.wait_closed()


@asynccontextmanager
async def server(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object],
    host: str = "127.0.0.1",
    *,
    receive_buffer: int = 0,
) -> AsyncIterator[int]:
    """A TCP server on this machine; its port. The system keeps about `receive_buffer` bytes for one
    that reads nothing, by default some MB."""
    writers = WeakSet[asyncio.StreamWriter]()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            await serve(reader, writer)  # type: ignore[misc]
        except ConnectionError:
            pass
        finally:
            writer.close()

    running = await asyncio.start_server(run, host, 0)
    if receive_buffer:
        for one in running.sockets:  # the sockets of clients inherit it
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    try:
        yield running.sockets[0].getsockname()[1]
    finally:
        running.close()
        for writer in writers:
            writer.transport.abort()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send everything back, and end with the client."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
