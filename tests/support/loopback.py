"""Sessions without a network: a transport in memory and a handler that draws what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from guacr.display.framebuffer import FrameBuffer
from guacr.errors import BadRequestError, GuacrError
from guacr.protocol.client import ClientInfo
from guacr.protocol.instruction import encode
from guacr.protocol.status import Status
from guacr.session.context import SessionContext
from guacr.session.handler import ProtocolHandler
from guacr.session.input.reader import Reader
from guacr.session.input.touch import Contact
from guacr.session.params import Params, order, param
from guacr.session.protocols import Protocols
from guacr.session.registry import SessionRegistry
from guacr.session.session import Session
from guacr.session.shared_params import ClipboardParams, ReadOnlyParams
from guacr.session.streams.inputs import InputStream
from guacr.session.user import User
from guacr.settings.models import Settings
from guacr.testing.canvas import Canvas
from guacr.testing.wire import Received, Splitter
from guacr.transport.base import NO_RECEIVER, Receiver, Transport

TURNS = 100
"""Turns of the event loop in which `until` looks at its condition; later it waits in between."""
POLL = 0.001
"""Seconds."""


class MemoryTransport(Transport):
    """A transport in memory: instructions are kept in `received`, and painted on `canvas`.

    With `stalled` nothing is taken: it counts as buffered until `drain`. With `replies` every
    `sync` is acknowledged.
    """

    def __init__(self) -> None:
        self.receiver: Receiver = NO_RECEIVER
        self.received: list[Received] = []
        self.canvas = Canvas()
        self.closed_with: Status | None = None
        self.stalled = False
        self.replies = False
        self.reading = True
        self.written = 0
        """Bytes."""
        self._splitter = Splitter()
        self._waiting = bytearray()

    @property
    def peer(self) -> str:
        return "memory"

    @property
    def buffered(self) -> int:
        return len(self._waiting)

    def write(self, data: bytes) -> None:
        if self.closed_with is not None:
            return
        self.written += len(data)
        self._waiting += data
        if not self.stalled:
            self._take()

    def drain(self) -> None:
        """Take all that waited."""
        self.stalled = False
        self._take()
        self.receiver.drained()

    def _take(self) -> None:
        data, self._waiting = bytes(self._waiting), bytearray()
        for instruction in self._splitter.feed(data):
            self.received.append(instruction)
            if instruction.opcode:
                self.canvas.apply(instruction)
            if instruction.opcode == "sync" and self.replies:
                asyncio.get_running_loop().call_soon(self.send, "sync", instruction.args[0])

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def close(self, status: Status = Status.SUCCESS) -> None:
        if self.closed_with is None:
            self.closed_with = status
            asyncio.get_running_loop().call_soon(self.receiver.connection_lost)

    def abort(self) -> None:
        self.close()

    # ---- for tests

    def send(self, opcode: str, *args: str | int) -> None:
        """As if the client had sent an instruction."""
        self.receiver.data_received(encode(opcode, *args))

    def all(self, opcode: str) -> list[tuple[str, ...]]:
        """Arguments of every received instruction of one opcode."""
        return [one.args for one in self.received if one.opcode == opcode]

    def acknowledge(self) -> None:
        """Reply to the last `sync`."""
        self.send("sync", self.all("sync")[-1][0])


@dataclass(frozen=True, slots=True, kw_only=True)
class SketchParams(ReadOnlyParams, ClipboardParams):
    """Parameters of the sketch handler."""

    ORDER = order("hostname password level colour", ReadOnlyParams, ClipboardParams)

    hostname: str = param("", "Not used.")
    password: str = param("", "Not used.", secret=True)
    level: int = param(1, "A number.", minimum=0, maximum=9)
    colour: str = param("red", "Changes live.", live=True)


class SketchHandler(ProtocolHandler):
    """Keeps a framebuffer and notes what users do; ends when the test says so."""

    name = "sketch"
    params_type = SketchParams

    def __init__(self, session: SessionContext, params: Params) -> None:
        super().__init__(session, params)
        self.events: list[tuple[object, ...]] = []
        self.surface = FrameBuffer(*session.size)
        self.colour = "red"
        self.stream: InputStream | None = None
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        session.display.set_surface(self.surface)

    async def run(self) -> None:
        self.events.append(("run",))
        self.session.set_connected()
        try:
            await self.end
        finally:
            self.events.append(("ended",))

    def fail(self, error: Exception) -> None:
        """Have `run` raise."""
        self.end.set_exception(error)

    def key(self, user: User, keysym: int, pressed: bool) -> None:
        if keysym == 0xDEAD:
            raise RuntimeError("a bug")
        self.events.append(("key", keysym, pressed))

    def mouse(self, user: User, x: int, y: int, buttons: int) -> None:
        self.events.append(("mouse", x, y, buttons))

    def touch(self, user: User, contact: Contact) -> None:
        self.events.append(("touch", contact))

    def resize(self, user: User, width: int, height: int) -> None:
        self.events.append(("resize", width, height))
        self.surface.resize(width, height)
        self.session.changed()

    def clipboard(self, user: User, mimetype: str, data: bytes) -> None:
        self.events.append(("clipboard", mimetype, data))

    def argv(self, user: User, name: str, value: str) -> None:
        if value == "none":
            raise BadRequestError("none is no colour")
        self.colour = value

    def argv_values(self) -> Mapping[str, str]:
        return {"colour": self.colour}

    def open_stream(self, user: User, stream: InputStream) -> None:
        if stream.kind != "pipe":
            super().open_stream(user, stream)
        self.stream = stream

    def user_joined(self, user: User) -> None:
        self.events.append(("joined", user.owner))

    def user_left(self, user: User) -> None:
        self.events.append(("left", user.owner))


class Bench:
    """A registry with the sketch protocol, and clients connected to it in memory."""

    def __init__(
        self, settings: Settings | None = None, handler: type[SketchHandler] = SketchHandler
    ) -> None:
        self.executor = ThreadPoolExecutor(1)
        self.registry = SessionRegistry(
            Protocols({"sketch": handler}), settings or Settings(), self.executor
        )

    def connect(
        self, select: str = "sketch", info: ClientInfo | None = None, **values: str
    ) -> tuple[MemoryTransport, User]:
        """A client; `values` are parameters with `_` for `-`."""
        transport = MemoryTransport()
        texts = {name.replace("_", "-"): text for name, text in values.items()}
        client = info or ClientInfo(width=200, height=100, version=(1, 5, 0), name="somebody")
        reader = self.registry.open(select, texts, client, transport)
        reader.session.begun = True  # as it is after a turn of the event loop
        note_session(reader)
        return transport, reader.user

    async def close(self) -> None:
        """End all sessions."""
        await self.registry.close()
        self.executor.shutdown()


_sessions: WeakKeyDictionary[User, Session] = WeakKeyDictionary()


def note_session(reader: Reader) -> None:
    """Have `session_of` know the user of `reader`."""
    _sessions[reader.user] = reader.session


def session_of(user: User) -> Session:
    """The session of a user of a bench."""
    return _sessions[user]


def sketch(user: User) -> SketchHandler:
    """The handler of a user's session."""
    handler = session_of(user).handler
    assert isinstance(handler, SketchHandler)
    return handler


async def frame(transport: MemoryTransport, number: int | None = None) -> None:
    """Until one more `sync` (or as many as `number` in all) has been received."""
    wanted = number if number is not None else len(transport.all("sync")) + 1
    await until(lambda: len(transport.all("sync")) >= wanted)


async def until_seen(transport: MemoryTransport, condition: Callable[[], bool]) -> None:
    """Until `condition` of the picture holds, looked at after each frame."""
    while not condition():
        await frame(transport)


async def until(condition: Callable[[], bool]) -> None:
    """Until `condition` holds, for up to 20 s: looked at in the next turns of the event loop, in
    which most conditions come to hold, and then less often."""
    async with asyncio.timeout(20):
        for _ in range(TURNS):
            if condition():
                return
            await asyncio.sleep(0)
        while not condition():  # noqa: ASYNC110 - there is no one event for all conditions
            await asyncio.sleep(POLL)


def error_of(transport: MemoryTransport) -> GuacrError | tuple[str, ...] | None:
    """The arguments of the `error` that was received, if any."""
    errors = transport.all("error")
    return errors[0] if errors else None
