"""An RFB client without I/O, which turns a server's bytes into events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from struct import Struct

from guacr.api import Budget, Rect
from handlers.vnc.rfb import clipboard, messages, numbers
from handlers.vnc.rfb.context import Context, broken
from handlers.vnc.rfb.encodings.copy import read_copy
from handlers.vnc.rfb.encodings.cursors import read_alpha_cursor, read_cursor, read_x_cursor
from handlers.vnc.rfb.encodings.hextile import read_hextile
from handlers.vnc.rfb.encodings.raw import read_raw
from handlers.vnc.rfb.encodings.rre import read_corre, read_rre
from handlers.vnc.rfb.encodings.tight import TightReader
from handlers.vnc.rfb.encodings.vmware import VmwareCursor
from handlers.vnc.rfb.encodings.zlib_raw import ZlibReader
from handlers.vnc.rfb.encodings.zrle import ZrleReader
from handlers.vnc.rfb.events import (
    Beeped,
    CutText,
    Event,
    ExtendedClipboard,
    Fence,
    Recoloured,
    SoundBegun,
    Sounded,
    SoundEnded,
    Supported,
    UpdateBegun,
    UpdateEnded,
    UpdatesStopped,
)
from handlers.vnc.rfb.handshake import Credentials, Handshake
from handlers.vnc.rfb.input import I32, Input, Steps, Wait
from handlers.vnc.rfb.pixel_format import COLOURS, PixelFormat, requested
from handlers.vnc.rfb.pseudo import (
    read_extended_size,
    read_leds,
    read_name,
    read_pointer,
    read_size,
    set_size,
    supports,
)
from handlers.vnc.rfb.repeater import pass_repeater

UNCOUNTED = 0xFFFF
"""The number of rectangles of an update that ends with LastRect."""
FENCE_MAX = 64
"""Bytes of a fence."""

INFLATED_ESTIMATE = 32
"""Estimated bytes of a clipboard per compressed byte, to decide whether a thread inflates it."""

SOUND, SOUND_BEGIN, SOUND_DATA = 1, 1, 2
"""QEMU's messages about sound, and two of their three operations."""
SOUND_MAX = 1 << 16
"""Bytes of sound in a message; QEMU sends a few thousand."""

CHAT_MAX = 1 << 16
"""Bytes of a text; UltraVNC sends up to 4,096."""
CHAT_COMMANDS = 0xFFFFFFFD
"""The first of the lengths that open, close and finish a chat instead of sending a text."""
FILE_PART_MAX = 1 << 20
"""Bytes of a message about files; UltraVNC sends up to 8,192."""

_SOUND = Struct(">BH")
_CHAT = Struct(">3xI")
_FILE_PART = Struct(">7xI")
_RECT = Struct(">HHHHi")
_COLOURS = Struct(">HH")

ReadRect = Callable[[Context, Rect], Steps[None]]


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """The requests of a connection to its server."""

    pixel_format: PixelFormat | None
    """None for one that suits the server."""
    encodings: Sequence[int]
    """With the pseudo-encodings, the preferred ones first."""
    cut_text_max: int
    """Bytes of a clipboard that are accepted; longer ones are skipped."""
    destination: str = ""
    """The server to request of a repeater; empty if there is no repeater."""
    swap_red_blue: bool = False
    """The server mixes them up."""
    verified_only: bool = False
    """Log in only where the server proves that it has a key."""


class RfbClient:
    """One connection.

    `feed` accepts received bytes, and `go_on` continues when `waits_for` is not the input; both
    return the resulting events. `take_output` returns the bytes to send. While `waits_for` is
    `Wait.THREAD`, call `go_on(inline=False)` on a thread, one call at a time. While it is
    `Wait.TURN`, let other tasks have their turn first.

    Both raise:
        GuacrError: the server refuses the client, or violates the protocol; the connection is over.
    """

    def __init__(
        self, options: ClientOptions, credentials: Credentials, memory: Budget | None = None
    ) -> None:
        self.waits_for = Wait.INPUT
        self._options = options
        self._input = Input()
        self._events: list[Event] = []
        self._output = bytearray()
        self._context = Context(self._input, self._emit, memory)
        self._handshake = Handshake(
            self._input,
            self._send,
            self._emit,
            credentials,
            messages.set_encodings(options.encodings),
            verified_only=options.verified_only,
        )
        source, vmware = self._input, VmwareCursor()
        tight, zlib, zrle = TightReader(source), ZlibReader(source), ZrleReader(source)
        self._tight = tight
        self._encodings: dict[int, ReadRect] = {
            numbers.RAW: read_raw,
            numbers.COPY_RECT: read_copy,
            numbers.RRE: read_rre,
            numbers.CORRE: read_corre,
            numbers.HEXTILE: read_hextile,
            numbers.ZLIB: zlib.read,
            numbers.TIGHT: tight.read,
            numbers.TIGHT_PNG: tight.read_png,
            numbers.ZRLE: zrle.read,
        }
        self._pseudo: dict[int, ReadRect] = {
            numbers.CURSOR: read_cursor,
            numbers.X_CURSOR: read_x_cursor,
            numbers.ALPHA_CURSOR: read_alpha_cursor,
            numbers.POINTER_POSITION: read_pointer,
            numbers.VMWARE_CURSOR: vmware.read,
            numbers.VMWARE_CURSOR_STATE: vmware.read_state,
            numbers.VMWARE_CURSOR_POSITION: vmware.read_position,
            numbers.DESKTOP_SIZE: read_size,
            numbers.EXTENDED_DESKTOP_SIZE: read_extended_size,
            numbers.DESKTOP_NAME: read_name,
            numbers.MOUSE_BUTTONS: supports(numbers.MOUSE_BUTTONS),
            numbers.QEMU_KEYS: supports(numbers.QEMU_KEYS),
            numbers.QEMU_SOUND: supports(numbers.QEMU_SOUND),
            numbers.QEMU_LED_STATE: read_leds,
        }
        self._knows_continuous_updates = False
        self._is_drawn = False
        """True if the server has sent any pixels."""
        self._steps = self._run()
        next(self._steps)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the desktop."""
        return self._context.width, self._context.height

    @property
    def greeted(self) -> bool:
        """True if the server has sent its version, after which a login begins."""
        return self._handshake.greeted

    @property
    def is_judged(self) -> bool:
        """True while the server has credentials that it has not accepted."""
        return self._handshake.is_judged

    def feed(self, data: bytes) -> list[Event]:
        """Accept received bytes, and process what can be processed at once."""
        self._input.feed(data)
        return self.go_on() if self.waits_for is Wait.INPUT else []

    def go_on(self, *, inline: bool = True) -> list[Event]:
        """Process what can be processed now; `inline` is true on the event loop."""
        self._context.begin_step(inline=inline)
        self.waits_for = next(self._steps)
        events = self._events.copy()
        self._events.clear()
        return events

    def sealed(self, message: bytes) -> bytes:
        """Return what is to be sent for a message; all of it is to be sent, in the same order."""
        channel = self._handshake.channel
        return message if channel is None else channel.seal(message)

    def close(self) -> None:
        """Give back the memory that was taken; nothing else may be called after that, but a call on
        a thread may still run."""
        self._context.close()

    def take_output(self) -> bytes:
        """Return the bytes to send, and forget them."""
        data = bytes(self._output)
        self._output.clear()
        return data

    def _emit(self, event: Event) -> None:
        self._events.append(event)

    def _send(self, data: bytes) -> None:
        self._output += self.sealed(data)

    # ---- steps

    def _run(self) -> Steps[None]:
        yield Wait.INPUT
        if self._options.destination:
            yield from pass_repeater(self._input, self._send, self._options.destination)
        ready = yield from self._handshake.run()
        context = self._context
        context.pixel_format = requested(self._options.pixel_format, ready.layout)
        context.swap_red_blue = self._options.swap_red_blue
        set_size(context, ready.width, ready.height)
        self._send(messages.set_pixel_format(context.pixel_format))
        self._emit(ready)
        while True:
            if context.is_turn_over():
                yield Wait.TURN
            kind = yield from self._input.u8()
            if kind == numbers.FRAMEBUFFER_UPDATE:
                yield from self._read_update()
            elif kind == numbers.COLOUR_MAP:
                yield from self._read_colour_map()
            elif kind == numbers.BELL:
                self._emit(Beeped())
            elif kind == numbers.CUT_TEXT:
                yield from self._read_cut_text()
            elif kind == numbers.SERVER_FENCE:
                yield from self._read_fence()
            elif kind == numbers.QEMU:
                yield from self._read_sound()
            elif kind == numbers.TEXT_CHAT:
                yield from self._skip_chat()
            elif kind == numbers.FILE_TRANSFER:
                yield from self._skip_file_part()
            elif kind == numbers.END_OF_CONTINUOUS_UPDATES:
                self._note_end_of_continuous_updates()
            else:
                raise broken(f"the unknown message {kind}")

    def _note_end_of_continuous_updates(self) -> None:
        """The first such message says that the server supports them."""
        if self._knows_continuous_updates:
            self._emit(UpdatesStopped())
        else:
            self._knows_continuous_updates = True
            self._emit(Supported(numbers.CONTINUOUS_UPDATES))

    def _read_update(self) -> Steps[None]:
        yield from self._input.skip(1)
        count = yield from self._input.u16()
        self._emit(UpdateBegun())
        read = 0
        while read < count or count == UNCOUNTED:
            if self._context.is_turn_over():
                yield Wait.TURN
            x, y, width, height, encoding = yield from self._input.unpack(_RECT)
            if encoding == numbers.LAST_RECT:
                break
            yield from self._read_rect(Rect(x, y, width, height), encoding)
            read += 1
        self._emit(UpdateEnded())

    def _read_rect(self, rect: Rect, encoding: int) -> Steps[None]:
        pseudo = self._pseudo.get(encoding)
        if pseudo is not None:
            yield from pseudo(self._context, rect)
            return
        reader = self._encodings.get(encoding)
        if reader is None:
            raise broken(f"a rectangle in the encoding {encoding}, which was not requested")
        if rect.right > self._context.width or rect.bottom > self._context.height:
            raise broken(
                f"a rectangle up to ({rect.right}, {rect.bottom}) on a desktop of "
                f"{self._context.width}x{self._context.height} pixels"
            )
        self._is_drawn = True
        if encoding != numbers.TIGHT or not self._tight.read_at_once(self._context, rect):
            yield from reader(self._context, rect)  # which has data even if it is empty

    def _read_colour_map(self) -> Steps[None]:
        """Read colours, or skip them if they have not been requested."""
        yield from self._input.skip(1)
        first, count = yield from self._input.unpack(_COLOURS)
        colour_map = self._context.pixel_format.colour_map
        if colour_map is None:
            yield from self._input.skip(6 * count)
            return
        if first + count > COLOURS:
            raise broken(f"a colour map of {first + count} colours")
        colour_map.change(first, (yield from self._input.read(6 * count)))
        if self._is_drawn:
            self._emit(Recoloured())

    def _read_cut_text(self) -> Steps[None]:
        yield from self._input.skip(3)
        (size,) = yield from self._input.unpack(I32)
        if abs(size) > self._options.cut_text_max:
            yield from self._input.skip(abs(size))
            return
        data = yield from self._input.read(abs(size))
        if size >= 0:
            self._emit(CutText(data))
        elif len(data) >= 4:
            yield from self._read_extended_clipboard(int.from_bytes(data[:4], "big"), data[4:])

    def _read_extended_clipboard(self, flags: int, data: bytes) -> Steps[None]:
        if not flags & clipboard.PROVIDE or flags & clipboard.CAPS:
            self._emit(ExtendedClipboard(flags, data))
        elif flags & clipboard.SUPPORTED:
            yield from self._context.off_loop(len(data) * INFLATED_ESTIMATE)
            contents = clipboard.provided(flags, data, self._options.cut_text_max)
            if contents:
                self._emit(ExtendedClipboard(flags, contents=contents))

    def _read_fence(self) -> Steps[None]:
        yield from self._input.skip(3)
        flags = yield from self._input.u32()
        size = yield from self._input.u8()
        if size > FENCE_MAX:
            raise broken(f"a fence of {size} bytes")
        self._emit(Fence(flags, (yield from self._input.read(size))))

    def _read_sound(self) -> Steps[None]:
        kind, operation = yield from self._input.unpack(_SOUND)
        if kind != SOUND or operation > SOUND_DATA:
            raise broken(f"the unknown message {kind}.{operation} of QEMU")
        if operation == SOUND_DATA:
            size = yield from self._input.u32()
            if size > SOUND_MAX:
                raise broken(f"{size} bytes of sound at once")
            self._emit(Sounded((yield from self._input.read(size))))
        else:
            self._emit(SoundBegun() if operation == SOUND_BEGIN else SoundEnded())

    def _skip_chat(self) -> Steps[None]:
        (size,) = yield from self._input.unpack(_CHAT)
        if size < CHAT_COMMANDS:
            if size > CHAT_MAX:
                raise broken(f"{size} bytes of chat at once")
            yield from self._input.skip(size)

    def _skip_file_part(self) -> Steps[None]:
        (size,) = yield from self._input.unpack(_FILE_PART)
        if size > FILE_PART_MAX:
            raise broken(f"{size} bytes of a file at once")
        yield from self._input.skip(size)
