"""A Guacamole client for tests: it speaks every version of the protocol, paints what it gets,
and can be as slow, stuck or silent as a test needs. It shares no code with guacr."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol, Self

from tests.support.canvas import Canvas
from tests.support.inflow import BLOB_MAX, Inflow
from tests.support.wire import Received, Splitter, write

CHUNK = 65536
HISTORY = 400
"""Instructions that are remembered, blobs apart."""
SHIFT_TO_UNICODE = 0x01000000
SPECIAL_KEYS = {"\n": 0xFF0D, "\t": 0xFF09, "\b": 0xFF08, "\x1b": 0xFF1B}


class Reader(Protocol):
    """Where bytes come from: an `asyncio.StreamReader`, or something alike."""

    async def read(self, n: int, /) -> bytes:
        """At most `n` bytes; none at the end."""
        ...


class Writer(Protocol):
    """Where bytes go to: an `asyncio.StreamWriter`, or something alike."""

    def write(self, data: bytes, /) -> None:
        """Send."""
        ...

    async def drain(self) -> None:
        """Wait until what was written may grow again."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...

    async def wait_closed(self) -> None:
        """Until it is ended."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What the client says of itself in the handshake."""

    version: str = "VERSION_1_5_0"
    width: int = 1024
    height: int = 768
    dpi: int | None = 96
    audio: tuple[str, ...] = ("audio/L16",)
    video: tuple[str, ...] = ()
    image: tuple[str, ...] = ("image/png", "image/jpeg", "image/webp")
    timezone: str = "Europe/Berlin"
    name: str = "tester"

    @property
    def number(self) -> tuple[int, ...]:
        """The version, to compare with."""
        return tuple(int(part) for part in self.version.removeprefix("VERSION_").split("_"))


@dataclass(slots=True)
class Habits:
    """How the client behaves; most may be changed at any time."""

    sync: bool = True
    """Whether it answers `sync`."""
    sync_delay: float = 0.0
    """Seconds after which it does."""
    ack: bool = True
    """Whether it acknowledges files and bodies, and blobs of streams other than images."""
    nop: bool = True
    """Whether it answers `nop`, so as not to be taken for dead."""
    paint: bool = True
    """Whether it paints (fixed once it exists); without it, pictures are only counted."""


@dataclass(slots=True)
class Heard:
    """What the daemon has said, apart from pictures."""

    args: list[str] = field(default_factory=list)
    """Version and parameter names."""
    ready: str = ""
    """The connection id."""
    name: str = ""
    errors: list[tuple[str, int]] = field(default_factory=list)
    """Sentence and status."""
    clipboards: list[tuple[str, bytes]] = field(default_factory=list)
    """Mimetype and contents."""
    argv: dict[str, str] = field(default_factory=dict)
    acks: list[tuple[int, str, int]] = field(default_factory=list)
    """Stream, sentence and status."""
    messages: list[tuple[str, ...]] = field(default_factory=list)
    """Arguments of each `msg`."""
    required: list[tuple[str, ...]] = field(default_factory=list)
    streams: list[Inflow] = field(default_factory=list)
    """Whole files, pipes and whatever else has come."""
    syncs: int = 0
    disconnect: bool = False


class GuacClient:
    """One connection to a daemon. `wait` for what should happen; every failure to keep to the
    protocol on the daemon's side is raised there."""

    def __init__(self, reader: Reader, writer: Writer, habits: Habits | None = None) -> None:
        self.habits = habits or Habits()
        self.heard = Heard()
        self.canvas = Canvas(self._stream_ended, painting=self.habits.paint)
        self.received = 0
        """Bytes."""
        self.closed = False
        """Whether the daemon has closed the connection."""
        self.history: deque[Received] = deque(maxlen=HISTORY)
        self._writer = writer
        self._splitter = Splitter()
        self._failure: AssertionError | None = None
        self._news = asyncio.Event()
        self._reading = asyncio.Event()
        self._reading.set()
        self._next_stream = 0
        self._task = asyncio.create_task(self._read(reader), name="test client")

    # ---- connecting

    @classmethod
    async def dial(
        cls, host: str, port: int, habits: Habits | None = None, tls: ssl.SSLContext | None = None
    ) -> Self:
        """Connect over TCP, and say nothing yet."""
        reader, writer = await asyncio.open_connection(host, port, ssl=tls)
        return cls(reader, writer, habits)

    @classmethod
    async def connect(
        cls,
        address: tuple[str, int],
        select: str,
        parameters: Mapping[str, str] | None = None,
        *,
        hello: Hello | None = None,
        habits: Habits | None = None,
    ) -> Self:
        """Connect over TCP and open or join a session."""
        client = await cls.dial(*address, habits)
        try:
            await client.handshake(select, parameters, hello)
        except BaseException:
            await client.close()
            raise
        return client

    async def handshake(
        self,
        select: str,
        parameters: Mapping[str, str] | None = None,
        hello: Hello | None = None,
    ) -> None:
        """From `select` to `ready`, with all that comes between."""
        self.send("select", select)
        await self.wait(lambda: self.heard.args, "args")
        self.introduce(parameters or {}, hello or Hello())
        await self.wait(lambda: self.heard.ready, "ready")

    def introduce(self, parameters: Mapping[str, str], hello: Hello) -> None:
        """Answer `args`: an old client takes the version for one more parameter."""
        names = self.heard.args
        unknown = set(parameters) - set(names)
        assert not unknown, f"the daemon knows no {unknown}, but {names}"
        dpi = [] if hello.dpi is None else [hello.dpi]
        self.send("size", hello.width, hello.height, *dpi)
        self.send("audio", *hello.audio)
        self.send("video", *hello.video)
        self.send("image", *hello.image)
        if hello.number >= (1, 1, 0):
            self.send("timezone", hello.timezone)
        if hello.number >= (1, 5, 0):
            self.send("name", hello.name)
        version = hello.version if hello.number >= (1, 1, 0) else ""
        self.send("connect", version, *(parameters.get(name, "") for name in names[1:]))

    async def close(self, *, politely: bool = False) -> None:
        """End the connection; `politely` says `disconnect` first."""
        if politely and not self.closed:
            self.send("disconnect")
        self._task.cancel()
        await asyncio.wait([self._task])
        self._writer.close()
        with suppress(OSError, ssl.SSLError):  # the daemon may have been quicker
            await self._writer.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    # ---- waiting

    async def wait(
        self, condition: Callable[[], object], what: str = "", timeout: float = 10.0
    ) -> None:
        """Until `condition` holds; it is looked at whenever something has arrived.

        Raises:
            AssertionError: it did not in time, or cannot any more; tells what has arrived.
        """
        try:
            async with asyncio.timeout(timeout):
                while True:
                    if self._failure is not None:
                        raise self._failure
                    if condition():
                        return
                    assert not self.closed, self._dump(f"closed before {what or 'it happened'}")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(self._dump(f"waited {timeout:g} s: {what}")) from None

    async def wait_closed(self, timeout: float = 10.0) -> None:
        """Until the daemon has closed the connection."""
        await self.wait(lambda: self.closed, "the connection's end", timeout)

    async def frame(self, timeout: float = 10.0) -> None:
        """Until one more `sync` has come."""
        before = self.heard.syncs
        await self.wait(lambda: self.heard.syncs > before, "a frame", timeout)

    def _dump(self, headline: str) -> str:
        lines = [headline, f"closed: {self.closed}, bytes: {self.received}, heard: {self.heard}"]
        for received in list(self.history)[-25:]:
            args = ", ".join(arg if len(arg) < 60 else arg[:59] + "…" for arg in received.args)
            lines.append(f"  {received.opcode} {args}")
        return "\n".join(lines)

    # ---- saying

    def send_raw(self, data: bytes) -> None:
        """Bytes as they are."""
        self._writer.write(data)

    def send(self, opcode: str, *args: object) -> None:
        """One instruction."""
        self._writer.write(write(opcode, *args))

    async def drain(self) -> None:
        """Wait until the daemon has taken most of what was sent."""
        await self._writer.drain()

    def key(self, keysym: int, pressed: bool | None = None) -> None:
        """A key goes down, up, or (None) both."""
        for down in (True, False) if pressed is None else (pressed,):
            self.send("key", keysym, int(down))

    def type(self, text: str) -> None:
        """Keys for each character."""
        for character in text:
            self.key(keysym(character))

    def mouse(self, x: int, y: int, buttons: int = 0) -> None:
        """The pointer moves, with buttons held."""
        self.send("mouse", x, y, buttons)

    def click(self, x: int, y: int, button: int = 1) -> None:
        """A button goes down and up at a place."""
        for buttons in (0, button, 0):
            self.mouse(x, y, buttons)

    def size(self, width: int, height: int) -> None:
        """The window has a new size."""
        self.send("size", width, height)

    def clipboard(self, text: str, mimetype: str = "text/plain") -> int:
        """Send a clipboard; the index of its stream."""
        return self.stream("clipboard", mimetype, data=text.encode())

    def argv(self, name: str, value: str) -> int:
        """Send a parameter's new value; the index of its stream."""
        return self.stream("argv", "text/plain", name, data=value.encode())

    def stream(self, opcode: str, *args: object, data: bytes = b"") -> int:
        """Open a stream, send `data` and end it, without waiting for acks; its index."""
        index = self._next_stream
        self._next_stream = (index + 1) % 512
        self.send(opcode, index, *args)
        for start in range(0, len(data), BLOB_MAX):
            self.send("blob", index, b64encode(data[start : start + BLOB_MAX]).decode())
        self.send("end", index)
        return index

    # ---- listening

    def stop_reading(self) -> None:
        """Take nothing more, as a stuck client does."""
        self._reading.clear()

    def resume_reading(self) -> None:
        """Take again."""
        self._reading.set()

    async def _read(self, reader: Reader) -> None:
        try:
            while True:
                await self._reading.wait()
                data = await reader.read(CHUNK)
                if not data:
                    break
                self.received += len(data)
                self._take(data)
        except (OSError, ssl.SSLError):
            pass  # reset by the daemon, which is an end as well
        except AssertionError as error:
            self._failure = error
        self.closed = True
        self._news.set()

    def _take(self, data: bytes) -> None:
        for received in self._splitter.feed(data):
            if received.opcode != "blob":
                self.history.append(received)
            self.canvas.apply(received)
            self._hear(received)
            self._news.set()

    def _hear(self, received: Received) -> None:
        args, heard = received.args, self.heard
        match received.opcode:
            case "sync":
                heard.syncs += 1
                self._answer_sync(args[0])
            case "nop":
                if self.habits.nop:
                    self.send("nop")
            case "blob" | "file":
                self._acknowledge(int(args[0]))
            case "body":
                self._acknowledge(int(args[1]))
            case "ack":
                heard.acks.append((int(args[0]), args[1], int(args[2])))
            case "args":
                heard.args = list(args)
            case "ready":
                (heard.ready,) = args
            case "name":
                (heard.name,) = args
            case "error":
                heard.errors.append((args[0], int(args[1])))
            case "msg":
                heard.messages.append(args)
            case "required":
                heard.required.append(args)
            case "disconnect":
                heard.disconnect = True

    def _answer_sync(self, timestamp: str) -> None:
        if not self.habits.sync:
            return
        if self.habits.sync_delay:
            loop = asyncio.get_running_loop()
            loop.call_later(self.habits.sync_delay, self.send, "sync", timestamp)
        else:
            self.send("sync", timestamp)

    def _acknowledge(self, index: int) -> None:
        if self.habits.ack and self.canvas.stream_kind(index) not in ("", "img"):
            self.send("ack", index, "OK", 0)

    def _stream_ended(self, stream: Inflow) -> None:
        data = bytes(stream.data)
        if stream.opcode == "clipboard":
            self.heard.clipboards.append((stream.args[0], data))
        elif stream.opcode == "argv":
            self.heard.argv[stream.args[1]] = data.decode()
        else:
            self.heard.streams.append(stream)


def keysym(character: str) -> int:
    """The X11 keysym of a character."""
    if character in SPECIAL_KEYS:
        return SPECIAL_KEYS[character]
    code = ord(character)
    latin = 0x20 <= code <= 0x7E or 0xA0 <= code <= 0xFF
    return code if latin else SHIFT_TO_UNICODE + code
