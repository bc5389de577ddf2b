"""The callbacks of libghostty: replies, titles, bells, clipboard writes and unknown commands.

The C callbacks exist once for the process; each terminal's user data is a number that finds its
`Events`. Nothing raised may pass through C: the first exception is kept, and `feed` raises it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

from terminal.drawing.colours import is_dark
from terminal.engines.contents import Rgb
from terminal.engines.emulator import XTERM_VERSION, EmulatorListener
from terminal.engines.ghostty.library import check, ffi, lib, read_string
from terminal.engines.modes import FIXED_ANSI, FIXED_PRIVATE
from terminal.engines.titles import Titles

VERSION_REPLY = b"guacr"
"""The reply to XTVERSION."""

MAX_OSC_BYTES = 4096
"""Maximum bytes of an unknown command; a longer one is dropped."""

_VT220, _ANSI_COLOUR = 62, 22
"""The level and the feature that DA1 reports."""


class Events:
    """One terminal's side of the callbacks."""

    def __init__(self, listener: EmulatorListener, answerback: bytes, clipboard_bytes: int) -> None:
        self.listener = listener
        self.answerback = _CString(answerback)
        self.clipboard_bytes = clipboard_bytes
        """Maximum bytes of an OSC 52 that writes; a longer one is dropped."""
        self.size = (1, 1, 1, 1)
        """Columns, rows, and the width and height of a cell in pixels."""
        self.background: Rgb = (0, 0, 0)
        self.titles = Titles()
        self.captured: bytearray | None = None
        """Receives the replies to guacr's own queries to the library."""
        self._error: BaseException | None = None
        self._number = next(_numbers)

    def connect(self, terminal: Any) -> None:
        """Register this object for the callbacks of `terminal`."""
        _registry[self._number] = self
        options = (
            (lib.GHOSTTY_TERMINAL_OPT_USERDATA, ffi.cast("void*", self._number)),
            *_CALLBACKS,
            (lib.GHOSTTY_TERMINAL_OPT_UNKNOWN_MAX_BYTES, ffi.new("size_t*", MAX_OSC_BYTES)),
            (
                lib.GHOSTTY_TERMINAL_OPT_CLIPBOARD_WRITE_MAX_BYTES,
                ffi.new("size_t*", self.clipboard_bytes),
            ),
        )
        for option, value in options:
            check(lib.ghostty_terminal_set(terminal, option, value), "register a callback")

    @property
    def number(self) -> int:
        """The number to pass to `disconnect`."""
        return self._number

    def reply(self, data: bytes) -> None:
        """Reply to the host instead of the library."""
        try:
            self.listener.reply(data)
        except BaseException as error:  # noqa: BLE001 - feed raises it
            self.keep(error)

    def keep(self, error: BaseException) -> None:
        """Keep a listener's exception for `raise_kept`."""
        if self._error is None:
            self._error = error

    def raise_kept(self) -> None:
        """Raise the exception of a listener during the last feed, if any."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error


def disconnect(number: int) -> None:
    """Forget a terminal's callbacks; may be called twice."""
    _registry.pop(number, None)


class _CString:
    """Bytes with a stable address."""

    def __init__(self, text: bytes) -> None:
        self._bytes = ffi.new("uint8_t[]", text or b"\0")
        self.string = ffi.new("GhosttyString*", {"ptr": self._bytes, "len": len(text)})[0]


_MODE_REPORT = re.compile(rb"\x1b\[(\??)(\d{1,5});(\d)\$y")
_registry: dict[int, Events] = {}
_numbers = itertools.count(1)
_version = _CString(VERSION_REPLY)
_empty = _CString(b"")


def _callback(kind: str, default: Any = None) -> Callable[[Callable[..., Any]], Any]:
    """Make a C callback from a function that receives the terminal's `Events` instead of the user
    data; C gets `default` if the function raises or the terminal is gone."""

    def decorate(function: Callable[..., Any]) -> Any:
        def call(terminal: Any, user_data: Any, *arguments: Any) -> Any:
            events = _registry.get(int(ffi.cast("uintptr_t", user_data)))
            if events is None:
                return default
            try:
                return function(terminal, events, *arguments)
            except BaseException as error:  # noqa: BLE001 - feed raises it
                events.keep(error)
                return default

        return ffi.callback(kind, call)

    return decorate


@_callback("GhosttyTerminalWritePtyFn")
def _reply(_terminal: Any, events: Events, data: Any, length: int) -> None:
    reply = bytes(ffi.buffer(data, length))
    if events.captured is not None:
        events.captured += reply
        return
    events.listener.reply(_MODE_REPORT.sub(_mode_report, reply) if reply[-1:] == b"y" else reply)


def _mode_report(found: re.Match[bytes]) -> bytes:
    """The report of a mode that the library wrongly considers changeable."""
    private, number, state = found[1], int(found[2]), int(found[3])
    state = (FIXED_PRIVATE if private else FIXED_ANSI).get(number, state)
    return b"\x1b[%b%d;%d$y" % (private, number, state)


@_callback("GhosttyTerminalBellFn")
def _bell(_terminal: Any, events: Events) -> None:
    events.listener.bell()


@_callback("GhosttyTerminalTitleChangedFn")
def _title(terminal: Any, events: Events) -> None:
    string = ffi.new("GhosttyString*")
    check(
        lib.ghostty_terminal_get(terminal, lib.GHOSTTY_TERMINAL_DATA_TITLE, string),
        "read the title",
    )
    events.titles.take(2, read_string(string).decode(errors="ignore"))
    events.listener.title_changed(events.titles.window)


@_callback("GhosttyTerminalClipboardWriteFn")
def _clipboard(_terminal: Any, events: Events, write: Any) -> None:
    reply = ffi.new("GhosttyClipboardWriteReply*", {"size": _SIZE_OF_REPLY})
    data = read_string(write.contents[0].data) if write.contents_len else b""
    fits = len(data) <= events.clipboard_bytes
    if fits:
        events.listener.clipboard_written(data)
    else:
        reply.result = lib.GHOSTTY_CLIPBOARD_WRITE_RESULT_DENIED
    write.reply(write, reply)


@_callback("GhosttyTerminalClipboardReadFn")
def _clipboard_read(_terminal: Any, events: Events, read: Any) -> None:
    reply = ffi.new("GhosttyClipboardReadReply*", {"size": _SIZE_OF_READ_REPLY})
    reply.result = lib.GHOSTTY_CLIPBOARD_READ_RESULT_DENIED
    data = events.listener.clipboard_read()
    text, mime = _CString(data or b""), _CString(b"text/plain")
    content = ffi.new("GhosttyClipboardContent*", {"mime": mime.string, "data": text.string})
    if data is not None:
        reply.result = lib.GHOSTTY_CLIPBOARD_READ_RESULT_SUCCESS
        reply.contents, reply.contents_len = content, 1
    read.reply(read, reply)


@_callback("GhosttyTerminalUnknownSequenceFn")
def _unknown(_terminal: Any, events: Events, sequence: Any) -> None:
    if sequence.tag != lib.GHOSTTY_TERMINAL_UNKNOWN_SEQUENCE_OSC or sequence.value.osc.truncated:
        return
    number, _, text = read_string(sequence.value.osc.content).partition(b";")
    if number.isdigit() and len(number) <= _MAX_DIGITS:
        events.listener.osc(int(number), text.decode(errors="replace"))


@_callback("GhosttyTerminalSizeFn", False)
def _size(_terminal: Any, events: Events, out: Any) -> bool:
    out.columns, out.rows, out.cell_width, out.cell_height = events.size
    return True


@_callback("GhosttyTerminalColorSchemeFn", False)
def _colour_scheme(_terminal: Any, events: Events, out: Any) -> bool:
    dark = is_dark(events.background)
    out[0] = lib.GHOSTTY_COLOR_SCHEME_DARK if dark else lib.GHOSTTY_COLOR_SCHEME_LIGHT
    return True


@_callback("GhosttyTerminalEnquiryFn", _empty.string)
def _enquiry(_terminal: Any, events: Events) -> Any:
    return events.answerback.string


@_callback("GhosttyTerminalXtversionFn", _empty.string)
def _xtversion(_terminal: Any, _events: Events) -> Any:
    return _version.string


@_callback("GhosttyTerminalDeviceAttributesFn", False)
def _attributes(_terminal: Any, _events: Events, out: Any) -> bool:
    out.primary.conformance_level = _VT220
    out.primary.num_features = 1
    out.primary.features[0] = _ANSI_COLOUR
    out.secondary.device_type = 1
    out.secondary.firmware_version = XTERM_VERSION
    out.secondary.rom_cartridge = 0
    out.tertiary.unit_id = 0
    return True


_MAX_DIGITS = 9
_SIZE_OF_READ_REPLY = ffi.sizeof("GhosttyClipboardReadReply")
_SIZE_OF_REPLY = ffi.sizeof("GhosttyClipboardWriteReply")
_CALLBACKS = (
    (lib.GHOSTTY_TERMINAL_OPT_WRITE_PTY, _reply),
    (lib.GHOSTTY_TERMINAL_OPT_BELL, _bell),
    (lib.GHOSTTY_TERMINAL_OPT_TITLE_CHANGED, _title),
    (lib.GHOSTTY_TERMINAL_OPT_CLIPBOARD_WRITE, _clipboard),
    (lib.GHOSTTY_TERMINAL_OPT_CLIPBOARD_READ, _clipboard_read),
    (lib.GHOSTTY_TERMINAL_OPT_UNKNOWN_SEQUENCE, _unknown),
    (lib.GHOSTTY_TERMINAL_OPT_SIZE, _size),
    (lib.GHOSTTY_TERMINAL_OPT_COLOR_SCHEME, _colour_scheme),
    (lib.GHOSTTY_TERMINAL_OPT_ENQUIRY, _enquiry),
    (lib.GHOSTTY_TERMINAL_OPT_XTVERSION, _xtversion),
    (lib.GHOSTTY_TERMINAL_OPT_DEVICE_ATTRIBUTES, _attributes),
)
