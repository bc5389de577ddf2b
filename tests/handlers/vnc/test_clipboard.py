"""The clipboard in both directions: extended with Xvnc, in one encoding with x11vnc; misuse."""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import CalledProcessError

import pytest

from guacr.daemon import Daemon
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.vnc.clipboard import Clipboard
from handlers.vnc.rfb import clipboard as extended
from handlers.vnc.rfb import messages
from handlers.vnc.rfb.events import CutText, ExtendedClipboard
from tests.support.rfb_server import RfbPeer, rfb_server
from tests.support.waiting import until
from tests.support.xvnc import Desktop, x11vnc

TEXT = "Grüße, мир, 世界 🐧\nzweite Zeile"


@asynccontextmanager
async def connected(daemon: Daemon, parameters: dict[str, str]) -> AsyncIterator[GuacClient]:
    async with await GuacClient.connect(address(daemon), "vnc", parameters) as client:
        await client.wait(lambda: client.state.syncs or client.state.errors, "the desktop")
        assert not client.state.errors
        yield client


def copy(desktop: Desktop, directory: Path, text: str) -> None:
    """Copy a text on the display."""
    path = directory / "text"
    path.write_text(text)
    desktop.start("xclip", "-quiet", "-selection", "clipboard", "-in", str(path))


def pasted(desktop: Desktop) -> str:
    """Return the text that would be pasted on the display."""
    try:
        return desktop.run("xclip", "-selection", "clipboard", "-out").decode()
    except CalledProcessError:  # nothing has been copied
        return ""


def cut_buffer(desktop: Desktop) -> bytes:
    """Return what x11vnc has received, as xprop prints it."""
    return desktop.run("xprop", "-root", "CUT_BUFFER0")


async def pastes(desktop: Desktop, text: str) -> None:
    async with asyncio.timeout(20):
        while await asyncio.to_thread(pasted, desktop) != text:  # noqa: ASYNC110 - it does not tell
            await asyncio.sleep(0.05)


async def test_text_of_any_language_in_both_directions(
    daemon: Daemon, desktop: Desktop, tmp_path: Path
) -> None:
    async with connected(daemon, desktop.parameters) as client:
        client.clipboard(TEXT)
        await pastes(desktop, TEXT)
        copy(desktop, tmp_path, TEXT[::-1])
        await client.wait(lambda: client.state.clipboards, "the host's text")
        assert client.state.clipboards == [("text/plain", TEXT[::-1].encode())]
        client.clipboard("third")
        await pastes(desktop, "third")
        assert len(client.state.clipboards) == 1


async def test_what_was_copied_before_the_desktop_is_there(
    daemon: Daemon, desktop: Desktop
) -> None:
    async with await GuacClient.connect(address(daemon), "vnc", desktop.parameters) as client:
        client.clipboard(TEXT)
        await pastes(desktop, TEXT)


async def test_text_in_one_encoding(daemon: Daemon) -> None:
    """A server without the extended clipboard."""
    sent: list[bytes] = []

    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(1)
        peer.send(bytes(4))
        await peer.begin()
        peer.send(b"\3\0\0\0", struct.pack(">I", 5), "Grüße".encode("cp1252"))
        sent.append(await peer.read(14))
        await peer.ended()

    async with rfb_server(script) as server:
        parameters = server.parameters | {"clipboard-encoding": "CP1252"}
        async with connected(daemon, parameters) as client:
            await client.wait(lambda: client.state.clipboards, "the host's text")
            assert client.state.clipboards == [("text/plain", "Grüße".encode())]
            client.clipboard("zur€ck")
            await until(lambda: sent, "the user's text")
    assert sent == [messages.cut_text("zur€ck".encode("cp1252"))]


async def test_x11vnc_whose_extended_clipboard_leads_nowhere(
    daemon: Daemon, desktop: Desktop
) -> None:
    async with (
        x11vnc(desktop) as parameters,
        connected(daemon, parameters | {"clipboard-encoding": "ISO8859-1"}) as client,
    ):
        client.clipboard("Grüße")
        async with asyncio.timeout(20):
            while b"Gr\\374\\337e" not in await asyncio.to_thread(cut_buffer, desktop):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.05)
        assert not client.state.errors


async def test_disabled_directions(daemon: Daemon, desktop: Desktop, tmp_path: Path) -> None:
    parameters = desktop.parameters | {"disable-copy": "true", "disable-paste": "true"}
    async with connected(daemon, parameters) as client:
        client.clipboard("not wanted")
        await client.wait(lambda: client.state.acks, "the refusal")
        copy(desktop, tmp_path, "secret")
        desktop.run("xsetroot", "-solid", "#123456")
        await client.wait(lambda: client.canvas.flatten()[5, 5, 0] == 0x12, "what came later")
        assert pasted(desktop) == "secret"
        assert not client.state.clipboards


def message(text: bytes, size: int | None = None) -> bytes:
    """The server's `provide` without its head."""
    return zlib.compress(struct.pack(">I", len(text) if size is None else size) + text)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (message(b"one\r\ntwo\0"), b"one\ntwo"),
        (message(b"\r\n" * 10 + b"\0"), b"\n" * 10),
        (message(b"x" * 10 + b"\0"), b"x" * 10),
        (message(b""), b""),
        (message(b"x" * 11 + b"\0"), None),
        (message(b"\r\n" * 11 + b"\0"), None),
        (message(b"x", 2), None),
        (message(b"x" * 1_000_000), None),
        (message(b"x", 0xFFFFFFFF), None),
        (message(b"x" * 1_000_000, 5), b"xxxxx"),
        (b"", b""),
        (b"no zlib", None),
    ],
)
def test_texts_are_bounded(data: bytes, text: bytes | None) -> None:
    assert extended.provided(data, 10) == text


def test_a_text_comes_through_whole() -> None:
    for text in (TEXT, "", "x" * 600_000):
        sent = extended.provide(text)
        size, flags = struct.unpack(">4xiI", sent[:12])
        assert (-size, flags) == (len(sent) - 8, extended.PROVIDE | extended.TEXT)
        assert extended.provided(sent[12:], 1 << 20) == text.encode()


class Peer:
    """A clipboard, and what it has sent: flags of the extended clipboard, or bytes."""

    def __init__(self) -> None:
        self.sent: list[int | bytes] = []
        self.clipboard = Clipboard(self._take, "iso8859-1", 1000)

    def _take(self, sent: bytes) -> None:
        (size,) = struct.unpack(">i", sent[4:8])
        self.sent.append(sent[8:] if size >= 0 else int.from_bytes(sent[8:12], "big"))

    def receive(self, flags: int, data: bytes = b"") -> str | None:
        return self.clipboard.receive(ExtendedClipboard(flags, data))


def test_a_text_waits_until_it_is_requested() -> None:
    peer = Peer()
    peer.clipboard.paste("ü")
    peer.receive(extended.ACTIONS | extended.TEXT, bytes(4))
    assert peer.sent == [
        b"\xfc",
        extended.ACTIONS | extended.TEXT,
        extended.NOTIFY | extended.TEXT,
    ]
    peer.sent.clear()
    peer.receive(extended.PEEK)
    peer.receive(extended.REQUEST | extended.TEXT)
    peer.receive(extended.REQUEST | extended.TEXT << 1)
    assert peer.sent == [
        extended.NOTIFY | extended.TEXT,
        extended.PROVIDE | extended.TEXT,
        extended.NOTIFY | extended.TEXT,
    ]


def test_a_short_text_is_provided_at_once() -> None:
    peer = Peer()
    peer.receive(extended.ACTIONS | extended.TEXT, struct.pack(">I", 4))
    peer.sent.clear()
    peer.clipboard.paste("a\n")
    peer.clipboard.paste("a\nb")
    assert peer.sent == [extended.PROVIDE | extended.TEXT, extended.NOTIFY | extended.TEXT]


def test_nothing_is_echoed_or_cleared() -> None:
    peer = Peer()
    peer.clipboard.paste("same")
    assert peer.receive(extended.PROVIDE | extended.TEXT, b"same") is None
    assert peer.clipboard.cut(CutText(b"same")) is None
    assert peer.clipboard.cut(CutText(b"")) is None
    assert peer.clipboard.cut(CutText(b"other")) == "other"
    assert peer.clipboard.cut(CutText(b"same")) == "same"
    peer.sent.clear()
    peer.receive(extended.PEEK)
    assert peer.sent == [extended.NOTIFY]  # the users' text is no longer the newest


def test_a_text_that_is_outdated_is_not_given_to_the_server() -> None:
    peer = Peer()
    peer.receive(extended.ACTIONS | extended.TEXT, bytes(4))
    peer.clipboard.paste("old")
    peer.clipboard.lose()
    peer.sent.clear()
    peer.receive(extended.REQUEST | extended.TEXT)
    peer.clipboard.offer()
    assert peer.sent == [extended.NOTIFY]


async def test_a_refused_clipboard_leaves_nothing_to_be_pasted(daemon: Daemon) -> None:
    sent: list[bytes] = []

    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(1)
        peer.send(bytes(4))
        await peer.begin()
        caps = messages.extended_clipboard(extended.ACTIONS | extended.TEXT, bytes(4))
        peer.send(b"\3" + caps[1:])
        sent.append(await peer.read(16))  # the client's capabilities
        sent.append(await peer.read(12))  # its text is announced
        assert (await peer.read(8))[:1] == b"\4"  # a key, after the second clipboard
        peer.send(b"\3" + messages.extended_clipboard(extended.REQUEST | extended.TEXT)[1:])
        sent.append(await peer.read(12))
        await peer.ended()

    async with (
        rfb_server(script) as server,
        connected(daemon, server.parameters) as client,
    ):
        await until(lambda: sent, "the capabilities")
        client.clipboard("first")
        await until(lambda: len(sent) == 2, "the announcement")
        client.send("clipboard", 3, "image/png")
        client.send("blob", 3, "AAAA")
        client.send("end", 3)
        client.key(ord("a"), True)
        await until(lambda: len(sent) == 3, "the answer")
    assert sent[1] == messages.extended_clipboard(extended.NOTIFY | extended.TEXT)
    assert sent[2] == messages.extended_clipboard(extended.NOTIFY)


def test_a_server_without_text_gets_the_old_message() -> None:
    peer = Peer()
    peer.receive(extended.ACTIONS | extended.TEXT << 2, bytes(4))
    peer.clipboard.paste("x")
    assert peer.sent[-1] == b"x"


async def test_surrogates_are_replaced(daemon: Daemon) -> None:
    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(1)
        peer.send(bytes(4))
        await peer.begin()
        peer.send(b"\3\0\0\0\0\0\0\6", b"+2AA-b")
        await peer.ended()

    async with rfb_server(script) as remote:
        values = remote.parameters | {"clipboard-encoding": "utf-7"}
        async with await GuacClient.connect(address(daemon), "vnc", values) as client:
            await client.wait(lambda: client.state.clipboards, "the text")
            assert client.state.clipboards[0][1] == b"?b"


async def test_a_hostile_clipboard_does_no_harm(daemon: Daemon) -> None:
    bomb = await asyncio.to_thread(message, bytes(64 << 20), 900 << 20)

    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(1)
        peer.send(bytes(4))
        await peer.begin()
        for data in (bomb, b"rubbish", message(b"x" * 9, 0xFFFFFFFF)):
            peer.send(b"\3" + messages.extended_clipboard(extended.PROVIDE | 1, data)[1:])
        peer.send(b"\3\0\0\0", struct.pack(">i", -2), b"xx")
        peer.send(b"\3" + messages.extended_clipboard(extended.PROVIDE | 1, message(b"ok\0"))[1:])
        await peer.ended()

    async with (
        rfb_server(script) as server,
        await GuacClient.connect(address(daemon), "vnc", server.parameters) as client,
    ):
        await client.wait(lambda: client.state.clipboards, "the last text")
        assert client.state.clipboards == [("text/plain", b"ok")]
