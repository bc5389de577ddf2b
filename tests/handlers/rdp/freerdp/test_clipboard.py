"""The clipboard's channel, called as FreeRDP calls it; servers that misuse it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import c_uint32, c_void_p
from typing import Any, cast

import pytest

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
from handlers.rdp.freerdp import clipboard as channel
from handlers.rdp.freerdp.client import Client
from handlers.rdp.freerdp.clipboard import Clipboard
from handlers.rdp.freerdp.clipboard_text import CF_TEXT, CF_UNICODETEXT, FORMATS, encode
from handlers.rdp.freerdp.structs import (
    ClipboardChannel,
    ClipboardDataRequest,
    ClipboardDataResponse,
    ClipboardFormat,
    ClipboardFormatList,
    ClipboardMessage,
)

LIMIT = 1000
CALL = ctypes.CFUNCTYPE(c_uint32, c_void_p, c_void_p)
CF_BITMAP = 2


class Server:
    """FreeRDP's side of the channel, and what the server and the daemon have been sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self.messages: list[Message] = []
        self._kept: list[Any] = []
        self.clipboard = Clipboard(cast(Client, self), self.messages.append)
        self.clipboard.handle(ClipboardTerms(LIMIT, ""))
        self.interface: Any = ClipboardChannel()
        for name, function in (
            ("ClientCapabilities", self._note_capabilities),
            ("ClientFormatList", self._note_list),
            ("ClientFormatListResponse", self._note_confirmation),
            ("ClientFormatDataRequest", self._note_request),
            ("ClientFormatDataResponse", self._note_response),
        ):
            setattr(self.interface, name, self.callback(c_uint32, function, c_void_p, c_void_p))
        self.clipboard.open(ctypes.addressof(self.interface))

    # ---- as a client

    def callback(self, result: Any, function: Callable[..., Any], *arguments: Any) -> int:
        made = ctypes.CFUNCTYPE(result, *arguments)(function)
        self._kept.append(made)
        return ctypes.cast(made, c_void_p).value or 0

    def call_soon(self, function: Callable[[], None]) -> None:
        function()

    # ---- what the client sends

    def _note_capabilities(self, _interface: int, _message: int) -> int:
        self.sent.append(("capabilities",))
        return 0

    def _note_list(self, _interface: int, address: int) -> int:
        listed: Any = ClipboardFormatList.from_address(address)
        self.sent.append(
            ("list", *(listed.formats[at].formatId for at in range(listed.numFormats)))
        )
        return 0

    def _note_confirmation(self, _interface: int, _message: int) -> int:
        self.sent.append(("confirmed",))
        return 0

    def _note_request(self, _interface: int, address: int) -> int:
        self.sent.append(("request", ClipboardDataRequest.from_address(address).requestedFormatId))
        return 0

    def _note_response(self, _interface: int, address: int) -> int:
        response: Any = ClipboardDataResponse.from_address(address)
        data = ctypes.string_at(response.requestedFormatData or 0, response.dataLen)
        self.sent.append(("response", data if response.msgFlags == channel.DONE else None))
        return 0

    # ---- what the server sends

    def _call(self, name: str, message: ctypes.Structure) -> None:
        function = CALL(getattr(self.interface, name))
        assert function(ctypes.addressof(self.interface), ctypes.addressof(message)) == 0

    def begin(self) -> None:
        self._call("ServerCapabilities", ClipboardMessage())
        self._call("MonitorReady", ClipboardMessage())

    def announce(self, *kinds: int) -> None:
        formats = (ClipboardFormat * len(kinds))(*(ClipboardFormat(kind, None) for kind in kinds))
        self._call("ServerFormatList", ClipboardFormatList(2, 0, 0, len(kinds), formats))

    def request(self, kind: int) -> None:
        self._call("ServerFormatDataRequest", ClipboardDataRequest(4, 0, 4, kind))

    def respond(self, data: bytes | None) -> None:
        flags = channel.FAILED if data is None else channel.DONE
        buffer = ctypes.create_string_buffer(data or b"")
        where = ctypes.addressof(buffer) if data else None
        response = ClipboardDataResponse(5, flags, len(data or b""), where)
        self._call("ServerFormatDataResponse", response)

    def take(self) -> tuple[list[tuple[Any, ...]], list[Message]]:
        """Return what has been sent since the last call: to the server, and to the daemon."""
        sent, messages = self.sent[:], self.messages[:]
        self.sent.clear()
        self.messages.clear()
        return sent, messages


@pytest.fixture
def server() -> Server:
    made = Server()
    made.begin()
    assert made.take() == ([("capabilities",), ("list",)], [])
    return made


def test_a_text_that_was_copied_before_the_server_is_ready() -> None:
    server = Server()
    server.clipboard.handle(ClipboardOffer())
    assert server.take() == ([], [])
    server.begin()
    assert server.take() == ([("capabilities",), ("list", *FORMATS)], [])


@pytest.mark.parametrize("kind", FORMATS)
def test_a_text_for_the_server(server: Server, kind: int) -> None:
    server.clipboard.handle(ClipboardOffer())
    server.request(kind)
    assert server.take() == ([("list", *FORMATS)], [ClipboardWanted()])
    server.clipboard.handle(ClipboardGiven("Grü".encode(), last=False))
    assert not server.sent
    server.clipboard.handle(ClipboardGiven("ße".encode(), last=True))
    assert server.take() == ([("response", encode("Grüße".encode(), kind, ""))], [])


def test_requests_that_cannot_be_answered(server: Server) -> None:
    refused = [("response", None)]
    server.request(CF_UNICODETEXT)  # there is no text
    assert server.take() == (refused, [])
    server.clipboard.handle(ClipboardOffer())
    server.take()
    server.request(CF_BITMAP)
    assert server.take() == (refused, [])
    server.request(CF_UNICODETEXT)
    assert server.take() == ([], [ClipboardWanted()])
    server.request(CF_UNICODETEXT)  # the first one has not been answered
    assert server.take() == (refused, [])
    server.clipboard.handle(ClipboardRefused())
    assert server.take() == (refused, [])
    server.clipboard.handle(ClipboardGiven(b"unwanted", last=True))
    assert server.take() == ([], [])


def test_a_given_text_has_a_limit(server: Server) -> None:
    server.clipboard.handle(ClipboardOffer())
    for size, answer in ((LIMIT, encode(bytes([97]) * LIMIT, CF_TEXT, "")), (LIMIT + 1, None)):
        server.request(CF_TEXT)
        server.take()
        server.clipboard.handle(ClipboardGiven(bytes([97]) * size, last=True))
        assert server.take() == ([("response", answer)], [])


@pytest.mark.parametrize(
    ("kinds", "best"),
    [
        ((CF_TEXT, CF_UNICODETEXT), CF_UNICODETEXT),
        ((CF_BITMAP, CF_TEXT), CF_TEXT),
    ],
)
def test_a_text_of_the_server(server: Server, kinds: tuple[int, ...], best: int) -> None:
    server.announce(*kinds)
    assert server.take() == ([("confirmed",)], [ClipboardOffered()])
    server.clipboard.handle(ClipboardRequest())
    assert server.take() == ([("request", best)], [])
    server.respond(encode("Grüße".encode(), best, ""))
    assert server.take() == ([], [ClipboardCopied("Grüße".encode(), last=True)])


def test_a_user_s_text_after_one_of_the_server(server: Server) -> None:
    server.clipboard.handle(ClipboardOffer())
    server.announce(CF_TEXT)
    server.take()
    server.request(CF_TEXT)
    assert server.take() == ([], [ClipboardWanted()])


def test_a_server_without_a_text(server: Server) -> None:
    server.announce(CF_TEXT)
    server.announce(CF_BITMAP)
    server.clipboard.handle(ClipboardRequest())
    assert server.take() == ([("confirmed",), ("confirmed",)], [ClipboardOffered()])


def test_a_text_of_the_server_has_a_limit() -> None:
    server = Server()
    server.clipboard.handle(ClipboardTerms(2 * PART_MAX, ""))
    server.announce(CF_TEXT)
    server.take()
    server.respond(bytes([97]) * 2 * PART_MAX)
    assert server.take()[1] == [
        ClipboardCopied(bytes([97]) * PART_MAX, last=False),
        ClipboardCopied(bytes([97]) * PART_MAX, last=True),
    ]
    server.respond(bytes([97]) * (2 * PART_MAX + 1))
    assert server.take()[1] == [ClipboardTooLong()]


def test_responses_without_a_text(server: Server) -> None:
    server.respond(b"unwanted")
    server.announce(CF_TEXT)
    server.take()
    for data in (None, b"", b"\0"):
        server.respond(data)
    assert server.take() == ([], [])


def test_after_the_end_of_the_channel(server: Server) -> None:
    server.clipboard.close()
    server.clipboard.handle(ClipboardOffer())
    assert server.take() == ([], [])
