"""The clipboard's channel (MS-RDPECLIP), for texts.

FreeRDP calls back on a thread of the channel, and the daemon's messages come on another one. Both
only note what is to be done; the client's thread does it. What is noted has a fixed size, however
often a server repeats its messages.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import c_uint32, c_void_p
from threading import Lock
from typing import TYPE_CHECKING, Any

from handlers.rdp.channel.codec import PART_MAX, Message
from handlers.rdp.channel.virtual import (
    ClipboardCopied,
    ClipboardGiven,
    ClipboardOffer,
    ClipboardOffered,
    ClipboardRefused,
    ClipboardRequest,
    ClipboardTerms,
    ClipboardTooLong,
    ClipboardWanted,
)
from handlers.rdp.freerdp import clipboard_text
from handlers.rdp.freerdp.clipboard_text import FORMATS, TooLongError
from handlers.rdp.freerdp.structs import (
    ClipboardCapabilities,
    ClipboardCapability,
    ClipboardChannel,
    ClipboardDataRequest,
    ClipboardDataResponse,
    ClipboardFormat,
    ClipboardFormatList,
    ClipboardMessage,
)

if TYPE_CHECKING:
    from handlers.rdp.freerdp.client import Client

CHANNEL = "cliprdr"
FORMATS_MAX = 1024
"""Formats of a server's list that are looked at."""
LIST, LIST_RESPONSE, DATA_REQUEST, DATA_RESPONSE, CAPABILITIES = 2, 3, 4, 5, 7
"""Types of messages."""
DONE, FAILED = 1, 2
"""Flags of a response."""
GENERAL, VERSION, LONG_NAMES = 1, 2, 2
"""The only set of capabilities, its version, and its flag for names of formats."""
_CALL = ctypes.CFUNCTYPE(c_uint32, c_void_p, c_void_p)


class Clipboard:
    """Passes texts on between one client's server and the daemon.

    Args:
        client: the client.
        send: sends a message to the daemon.
    """

    def __init__(self, client: Client, send: Callable[[Message], None]) -> None:
        self._client = client
        self._send = send
        self._lock = Lock()
        self._interface: Any = None
        self._terms = ClipboardTerms(0, "")
        self._is_ready = False
        """True once the server accepts lists of formats."""
        self._has_text = False
        """True if a user has copied a text. The server may want it even after it has announced one
        of its own: xrdp does so late."""
        self._offered = 0
        """The format of the server's text."""
        self._asked = 0
        """The format in which the server waits for a user's text; 0 if it does not."""
        self._parts = bytearray()
        # what is to be done
        self._begins = self._lists = self._requests = False
        self._unanswered = 0
        """Lists of the server that have not been confirmed."""
        self._unanswerable = 0
        """Requests of the server that have not been refused."""
        self._answer: bytes | None = None

    def open(self, address: int) -> None:
        """Use the channel."""
        interface: Any = ClipboardChannel.from_address(address)
        interface.custom = address  # the channel does not work without a value
        for name, function in (
            ("MonitorReady", self._begin),
            ("ServerCapabilities", _ignore),
            ("ServerFormatList", self._note_list),
            ("ServerFormatListResponse", _ignore),
            ("ServerFormatDataRequest", self._note_request),
            ("ServerFormatDataResponse", self._copy),
        ):
            made = self._client.callback(c_uint32, function, c_void_p, c_void_p)
            setattr(interface, name, made)
        self._interface = interface

    def close(self) -> None:
        """Forget the channel: it is no longer there."""
        self._interface = None

    # ---- from the daemon

    def handle(self, message: Message) -> None:
        """Handle a message about the clipboard; called on any thread."""
        with self._lock:
            match message:
                case ClipboardTerms():
                    self._terms = message
                case ClipboardOffer():
                    self._has_text = self._lists = True
                case ClipboardRequest():
                    self._requests = True
                case ClipboardGiven():
                    self._collect(message)
                case ClipboardRefused():
                    self._refuse()
        self._client.call_soon(self._work)

    def _collect(self, part: ClipboardGiven) -> None:
        self._parts += part.data
        if len(self._parts) > self._terms.limit:
            self._refuse()
        elif part.last and self._asked:
            text = bytes(self._parts)
            self._parts.clear()
            self._answer = clipboard_text.encode(text, self._asked, self._terms.line_ends)

    def _refuse(self) -> None:
        self._parts.clear()
        if self._asked:
            self._asked = 0
            self._unanswerable += 1

    # ---- from the server

    def _begin(self, _interface: int, _message: int) -> int:
        with self._lock:
            self._begins = self._lists = self._is_ready = True
        self._client.call_soon(self._work)
        return 0

    def _note_list(self, _interface: int, address: int) -> int:
        listed: Any = ClipboardFormatList.from_address(address)
        count = min(listed.numFormats, FORMATS_MAX)
        found = {listed.formats[at].formatId for at in range(count)}
        with self._lock:
            self._unanswered += 1
            if found:
                self._offered = next((kind for kind in FORMATS if kind in found), 0)
            offered = self._offered if found else 0
        self._client.call_soon(self._work)
        if offered:
            self._send(ClipboardOffered())
        return 0

    def _note_request(self, _interface: int, address: int) -> int:
        kind = ClipboardDataRequest.from_address(address).requestedFormatId
        with self._lock:
            wanted = self._has_text and not self._asked and kind in FORMATS
            if wanted:
                self._asked = kind
            else:
                self._unanswerable += 1
        if wanted:
            self._send(ClipboardWanted())
        else:
            self._client.call_soon(self._work)
        return 0

    def _copy(self, _interface: int, address: int) -> int:
        response: Any = ClipboardDataResponse.from_address(address)
        with self._lock:
            kind, terms = self._offered, self._terms
        if not response.msgFlags & DONE or not response.requestedFormatData or not kind:
            return 0
        size = min(response.dataLen, clipboard_text.largest(terms.limit) + 1)
        data = ctypes.string_at(response.requestedFormatData, size)
        try:
            text = clipboard_text.decode(data, kind, terms.line_ends, terms.limit)
        except TooLongError:
            self._send(ClipboardTooLong())
            return 0
        for start in range(0, len(text), PART_MAX):
            end = start + PART_MAX
            self._send(ClipboardCopied(text[start:end], end >= len(text)))
        return 0

    # ---- on the client's thread

    def _work(self) -> None:
        if self._interface is None:
            return
        with self._lock:
            begins, self._begins = self._begins, False
            unanswered, self._unanswered = self._unanswered, 0
            lists = self._lists and self._is_ready
            self._lists = self._lists and not lists
            kinds = FORMATS if self._has_text else ()
            requested, self._requests = self._requests and self._offered, False
            unanswerable, self._unanswerable = self._unanswerable, 0
            answer, self._answer = self._answer, None
            if answer is not None:
                self._asked = 0
        if begins:
            self._put_capabilities()
        for _ in range(unanswered):
            self._put("ClientFormatListResponse", ClipboardMessage(LIST_RESPONSE, DONE, 0))
        if lists:
            self._put_list(kinds)
        if requested:
            request = ClipboardDataRequest(DATA_REQUEST, 0, 0, requested)
            self._put("ClientFormatDataRequest", request)
        for _ in range(unanswerable):
            response = ClipboardDataResponse(DATA_RESPONSE, FAILED, 0, None)
            self._put("ClientFormatDataResponse", response)
        if answer is not None:
            data = ctypes.create_string_buffer(answer, len(answer))
            where = ctypes.addressof(data)
            response = ClipboardDataResponse(DATA_RESPONSE, DONE, len(answer), where)
            self._put("ClientFormatDataResponse", response)

    def _put_capabilities(self) -> None:
        capability = ClipboardCapability(
            GENERAL, ctypes.sizeof(ClipboardCapability), VERSION, LONG_NAMES
        )
        self._put(
            "ClientCapabilities",
            ClipboardCapabilities(CAPABILITIES, 0, 0, 1, ctypes.pointer(capability)),
        )

    def _put_list(self, kinds: tuple[int, ...]) -> None:
        formats = (ClipboardFormat * len(kinds))(*(ClipboardFormat(kind, None) for kind in kinds))
        self._put("ClientFormatList", ClipboardFormatList(LIST, 0, 0, len(kinds), formats))

    def _put(self, function: str, message: ctypes.Structure) -> None:
        send = _CALL(getattr(self._interface, function))
        send(ctypes.addressof(self._interface), ctypes.addressof(message))


def _ignore(_interface: int, _message: int) -> int:
    """Ignore a message of the server."""
    return 0
