"""A Guacamole client for tests: it speaks every version of the protocol, paints what it receives,
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

from guacr.testing.canvas import Canvas
from guacr.testing.streams import BLOB_MAX, Stream
from guacr.testing.wire import Received, Splitter, write

CHUNK = 65536
HISTORY = 400
"""The number of instructions that are kept, without blobs."""
SHIFT_TO_UNICODE = 0x01000000
SPECIAL_KEYS = {"\n": 0xFF0D, "\t": 0xFF09, "\b": 0xFF08, "\x1b": 0xFF1B}


class Reader(Protocol):
    """A source of bytes: an `asyncio.StreamReader`, or similar."""

    async def read(self, n: int, /) -> bytes:
        """Read at most `n` bytes; empty at the end."""
        ...


class Writer(Protocol):
    """A destination of bytes: an `asyncio.StreamWriter`, or similar."""

    def write(self, data: bytes, /) -> None:
        """Send."""
        ...

    async def drain(self) -> None:
        """Wait until more may be written."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...

    async def wait_closed(self) -> None:
        """Wait until the connection is closed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The description of the client in the handshake."""

    version: str = "VERSION_1_5_0"
    width: int = 1024
    height: int = 768
    dpi: int | None = 96
    audio: tuple[str, ...] = ("audio/L16",)
    video: tuple[str, ...] = ()
    image: tuple[str, ...] = ("image/png", "image/jpeg", "image/webp")
    clipboard: tuple[str, ...] = ()
    """Types of a clipboard, besides text."""
    timezone: str = "Europe/Berlin"
    name: str = "tester"

    @property
    def number(self) -> tuple[int, ...]:
        """The version as numbers, for comparisons."""
        return tuple(int(part) for part in self.version.removeprefix("VERSION_").split("_"))


@dataclass(slots=True)
class Behaviour:
    """The behaviour of the client; most values may be changed at any time."""

    sync: bool = True
    """True to answer `sync`."""
    sync_delay: float = 0.0
    """Seconds before a `sync` is answered."""
    ack: bool = True
    """True to acknowledge files and bodies, and blobs of streams other than images."""
    nop: bool = True
    """True to answer `nop`, so that the client does not time out."""
    paint: bool = True
    """True to paint (cannot be changed later); otherwise, pictures are only counted."""


@dataclass(slots=True)
class ClientState:
    """The data that the daemon has sent, except pictures: latest values, and lists of events."""

    args: list[str] = field(default_factory=list)
    """The version and the parameter names."""
    ready: str = ""
    """The connection id."""
    name: str = ""
    errors: list[tuple[str, int]] = field(default_factory=list)
    """Sentences and statuses."""
    clipboards: list[tuple[str, bytes]] = field(default_factory=list)
    """Mimetypes and contents."""
    argv: dict[str, str] = field(default_factory=dict)
    acks: list[tuple[int, str, int]] = field(default_factory=list)
    """Streams, sentences and statuses."""
    messages: list[tuple[str, ...]] = field(default_factory=list)
    """The arguments of each `msg`."""
    required: list[tuple[str, ...]] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    """Complete files, pipes and other streams."""
    syncs: int = 0
    disconnect: bool = False


class GuacClient:
    """One connection to a daemon. `wait` waits for a condition, and raises the daemon's violations
    of the protocol."""

    def __init__(self, reader: Reader, writer: Writer, behaviour: Behaviour | None = None) -> None:
        self.behaviour = behaviour or Behaviour()
        self.state = ClientState()
        self.canvas = Canvas(self._stream_ended, painting=self.behaviour.paint)
        self.received = 0
        """Bytes received."""
        self.closed = False
        """True if the daemon has closed the connection."""
        self.history: deque[Received] = deque(maxlen=HISTORY)
        self._frames = 0
        """The number of frames up to the one for which `frame` has last returned."""
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
        cls,
        host: str,
        port: int,
        behaviour: Behaviour | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """Connect over TCP, and send nothing yet."""
        reader, writer = await asyncio.open_connection(host, port, ssl=tls)
        return cls(reader, writer, behaviour)

    @classmethod
    async def connect(
        cls,
        address: tuple[str, int],
        select: str,
        parameters: Mapping[str, str] | None = None,
        *,
        hello: Hello | None = None,
        behaviour: Behaviour | None = None,
    ) -> Self:
        """Connect over TCP and open or join a session."""
        client = await cls.dial(*address, behaviour)
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
        """Perform the handshake from `select` to `ready`."""
        self.send("select", select)
        await self.wait(lambda: self.state.args, "args")
        self.answer_args(parameters or {}, hello or Hello())
        await self.wait(lambda: self.state.ready, "ready")

    def answer_args(self, parameters: Mapping[str, str], hello: Hello) -> None:
        """Answer `args`; a client of version 1.0.0 sends an empty text for the version."""
        names = self.state.args
        unknown = set(parameters) - set(names)
        if unknown:
            raise AssertionError(f"parameters {unknown} are unknown: the known ones are {names}")
        dpi = [] if hello.dpi is None else [hello.dpi]
        self.send("size", hello.width, hello.height, *dpi)
        self.send("audio", *hello.audio)
        self.send("video", *hello.video)
        self.send("image", *hello.image)
        if hello.clipboard:
            self.send("clipboard", *hello.clipboard)
        if hello.number >= (1, 1, 0):
            self.send("timezone", hello.timezone)
        if hello.number >= (1, 5, 0):
            self.send("name", hello.name)
        version = hello.version if hello.number >= (1, 1, 0) else ""
        self.send("connect", version, *(parameters.get(name, "") for name in names[1:]))

    async def close(self, *, politely: bool = False) -> None:
        """Close the connection; `politely` sends `disconnect` first."""
        if politely and not self.closed:
            self.send("disconnect")
        self._task.cancel()
        await asyncio.wait([self._task])
        self._writer.close()
        with suppress(OSError, ssl.SSLError):  # the daemon may have closed first
            await self._writer.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    # ---- waiting

    async def wait(
        self, condition: Callable[[], object], what: str = "", timeout: float = 40.0
    ) -> None:
        """Wait until `condition` is true; it is checked whenever something has arrived.

        Raises:
            AssertionError: it was not true in time, or can no longer become true; the message lists
                what has arrived.
        """
        try:
            async with asyncio.timeout(timeout):
                while True:
                    if self._failure is not None:
                        raise self._failure
                    if condition():
                        return
                    if self.closed:
                        raise AssertionError(self._dump(f"closed before {what or 'it happened'}"))
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(self._dump(f"waited {timeout:g} s: {what}")) from None

    async def wait_closed(self, timeout: float = 40.0) -> None:
        """Wait until the daemon has closed the connection."""
        await self.wait(lambda: self.closed, "the connection's end", timeout)

    async def frame(self, timeout: float = 40.0) -> None:
        """Wait until a frame has arrived for which no earlier call has returned."""
        await self.wait(lambda: self.state.syncs > self._frames, "a frame", timeout)
        self._frames = self.state.syncs

    def _dump(self, headline: str) -> str:
        lines = [headline, f"closed: {self.closed}, bytes: {self.received}, state: {self.state}"]
        for received in list(self.history)[-25:]:
            args = ", ".join(arg if len(arg) < 60 else arg[:59] + "…" for arg in received.args)
            lines.append(f"  {received.opcode} {args}")
        return "\n".join(lines)

    # ---- sending

    def send_raw(self, data: bytes) -> None:
        """Send bytes unchanged."""
        self._writer.write(data)

    def send(self, opcode: str, *args: object) -> None:
        """Send an instruction."""
        self._writer.write(write(opcode, *args))

    async def drain(self) -> None:
        """Wait until the daemon has received most of what was sent."""
        await self._writer.drain()

    def key(self, keysym: int, pressed: bool | None = None) -> None:
        """Press a key, release it, or (None) both."""
        for down in (True, False) if pressed is None else (pressed,):
            self.send("key", keysym, int(down))

    def type(self, text: str) -> None:
        """Type each character."""
        for character in text:
            self.key(keysym(character))

    def mouse(self, x: int, y: int, buttons: int = 0) -> None:
        """Move the pointer, with buttons held."""
        self.send("mouse", x, y, buttons)

    def click(self, x: int, y: int, button: int = 1) -> None:
        """Press and release a button at a position."""
        for buttons in (0, button, 0):
            self.mouse(x, y, buttons)

    def touch(
        self, finger: int, x: int, y: int, *, force: float = 1.0, radius: tuple[int, int] = (1, 1)
    ) -> None:
        """Touch a position with a finger, with a force from 0 (lifted) to 1."""
        self.send("touch", finger, x, y, *radius, 0, force)

    def size(self, width: int, height: int) -> None:
        """Resize the window."""
        self.send("size", width, height)

    def clipboard(self, text: str, mimetype: str = "text/plain") -> int:
        """Send a clipboard, and return the index of its stream."""
        return self.stream("clipboard", mimetype, data=text.encode())

    def argv(self, name: str, value: str) -> int:
        """Send a parameter's new value, and return the index of its stream."""
        return self.stream("argv", "text/plain", name, data=value.encode())

    def stream(self, opcode: str, *args: object, data: bytes = b"") -> int:
        """Open a stream, send `data` and end it, without waiting for acks; return its index."""
        index = self._next_stream
        self._next_stream = (index + 1) % 512
        self.send(opcode, index, *args)
        for start in range(0, len(data), BLOB_MAX):
            self.send("blob", index, b64encode(data[start : start + BLOB_MAX]).decode())
        self.send("end", index)
        return index

    # ---- receiving

    def stop_reading(self) -> None:
        """Stop reading, as a stuck client does."""
        self._reading.clear()

    def resume_reading(self) -> None:
        """Resume reading."""
        self._reading.set()

    async def _read(self, reader: Reader) -> None:
        try:
            while True:
                await self._reading.wait()
                data = await reader.read(CHUNK)
                if not data:
                    break
                self.received += len(data)
                self._receive(data)
        except (OSError, ssl.SSLError):
            pass  # a reset by the daemon is an end, too
        except AssertionError as error:
            self._failure = error
        self.closed = True
        self._news.set()

    def _receive(self, data: bytes) -> None:
        for received in self._splitter.feed(data):
            if received.opcode != "blob":
                self.history.append(received)
            self.canvas.apply(received)
            self._note(received)
            self._news.set()

    def _note(self, received: Received) -> None:
        args, state = received.args, self.state
        match received.opcode:
            case "sync":
                state.syncs += 1
                self._answer_sync(args[0])
            case "nop":
                if self.behaviour.nop:
                    self.send("nop")
            case "blob" | "file":
                self._acknowledge(int(args[0]))
            case "body":
                self._acknowledge(int(args[1]))
            case "ack":
                state.acks.append((int(args[0]), args[1], int(args[2])))
            case "args":
                state.args = list(args)
            case "ready":
                (state.ready,) = args
            case "name":
                (state.name,) = args
            case "error":
                state.errors.append((args[0], int(args[1])))
            case "msg":
                state.messages.append(args)
            case "required":
                state.required.append(args)
            case "disconnect":
                state.disconnect = True

    def _answer_sync(self, timestamp: str) -> None:
        if not self.behaviour.sync:
            return
        if self.behaviour.sync_delay:
            loop = asyncio.get_running_loop()
            loop.call_later(self.behaviour.sync_delay, self.send, "sync", timestamp)
        else:
            self.send("sync", timestamp)

    def _acknowledge(self, index: int) -> None:
        if self.behaviour.ack and self.canvas.stream_kind(index) not in ("", "img"):
            self.send("ack", index, "OK", 0)

    def _stream_ended(self, stream: Stream) -> None:
        data = bytes(stream.data)
        if stream.opcode == "clipboard":
            self.state.clipboards.append((stream.args[0], data))
        elif stream.opcode == "argv":
            self.state.argv[stream.args[1]] = data.decode()
        else:
            self.state.streams.append(stream)


def keysym(character: str) -> int:
    """Return the X11 keysym of a character."""
    if character in SPECIAL_KEYS:
        return SPECIAL_KEYS[character]
    code = ord(character)
    latin = 0x20 <= code <= 0x7E or 0xA0 <= code <= 0xFF
    return code if latin else SHIFT_TO_UNICODE + code
