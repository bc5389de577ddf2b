"""The clipboard in both directions: extended with Xvnc, in one encoding with x11vnc; misuse."""

from __future__ import annotations

import asyncio
import logging
import struct
import zlib
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from subprocess import CalledProcessError
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from guacr.daemon import Daemon
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.clipboard import html, images
from handlers.vnc.clipboard import TYPES, Clipboard
from handlers.vnc.rfb import clipboard as extended
from handlers.vnc.rfb import messages
from handlers.vnc.rfb.events import CutText, ExtendedClipboard
from tests.support.rfb_server import RfbPeer, rfb_server
from tests.support.waiting import until
from tests.support.xvnc import Desktop, x11vnc

PIXELS = Image.frombytes("RGB", (2, 2), bytes(range(12)))
TEXT = "Grüße, мир, 世界 🐧\nzweite Zeile"


def png_of(picture: Image.Image) -> bytes:
    written = BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()


def image(png: bytes) -> bytes:
    """Return the pixels of an image."""
    return Image.open(BytesIO(png)).convert("RGB").tobytes()


PNG = png_of(PIXELS)


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
        (b"", None),
        (b"no zlib", None),
    ],
)
def test_texts_are_bounded(data: bytes, text: bytes | None) -> None:
    expected = {} if text is None else {extended.TEXT: text}
    assert extended.provided(extended.TEXT, data, 10) == expected


def several(*contents: bytes) -> bytes:
    return zlib.compress(b"".join(struct.pack(">I", len(one)) + one for one in contents))


def test_several_formats() -> None:
    text, rich, page, bitmap = b"t\0", b"{rtf}", b"<b>", b"BM"
    flags = extended.TEXT | 2 | extended.HTML | extended.BITMAP
    data = several(text, rich, page, bitmap)
    found = {extended.TEXT: b"t", extended.HTML: page, extended.BITMAP: bitmap}
    assert extended.provided(flags, data, 10) == found
    del found[extended.BITMAP]
    assert extended.provided(flags, several(text, rich, page), 10) == found
    assert extended.provided(flags, several(text, bytes(11), page, bitmap), 10) == {
        extended.TEXT: b"t"
    }
    too_long = several(text, rich, bytes(extended.HEADERS + 11), bitmap)
    assert extended.provided(flags, too_long, 10) == {extended.TEXT: b"t"}


def test_a_text_comes_through_whole() -> None:
    for text in (TEXT, "", "x" * 600_000):
        sent = extended.provide({extended.TEXT: extended.encoded_text(text)})
        size, flags = struct.unpack(">4xiI", sent[:12])
        assert (-size, flags) == (len(sent) - 8, extended.PROVIDE | extended.TEXT)
        assert extended.provided(flags, sent[12:], 1 << 20) == {extended.TEXT: text.encode()}


class Peer:
    """A clipboard, and what it has sent: flags of the extended clipboard, or bytes."""

    def __init__(self, types: frozenset[str] = frozenset(TYPES), limit: int = 1000) -> None:
        self.sent: list[int | bytes] = []
        self.provided: list[dict[int, bytes]] = []
        self.copied: list[dict[str, bytes]] = []
        self.tasks: list[asyncio.Task[None]] = []
        session: Any = SimpleNamespace(
            clipboard_types=types,
            clipboard_limit=limit,
            log=logging.getLogger("guacr.test"),
            start_task=self._start,
            send_clipboard=lambda _type, _data, others: self.copied.append(dict(others)),
        )
        self.clipboard = Clipboard(session, self._take, "iso8859-1")

    def _start(self, work: Coroutine[Any, Any, None], _name: str) -> asyncio.Task[None]:
        self.tasks.append(asyncio.get_running_loop().create_task(work))
        return self.tasks[-1]

    def _take(self, sent: bytes) -> None:
        (size,) = struct.unpack(">i", sent[4:8])
        flags = int.from_bytes(sent[8:12], "big")
        self.sent.append(sent[8:] if size >= 0 else flags)
        if size < 0 and flags & extended.ACTIONS == extended.PROVIDE:
            self.provided.append(extended.provided(flags, sent[12:], 1 << 20))

    def paste(self, text: str) -> None:
        self.clipboard.paste({"text/plain": text.encode()})

    def receive(self, flags: int, data: bytes = b"", **contents: bytes) -> None:
        kinds = {"text": extended.TEXT, "html": extended.HTML, "bitmap": extended.BITMAP}
        found = {kinds[name]: content for name, content in contents.items()}
        self.clipboard.receive(ExtendedClipboard(flags, data, found))

    async def rest(self) -> None:
        """Wait for conversions."""
        await asyncio.gather(*self.tasks)


def test_a_text_waits_until_it_is_requested() -> None:
    peer = Peer()
    peer.paste("ü")
    peer.receive(extended.ACTIONS | extended.TEXT, bytes(4))
    assert peer.sent == [
        b"\xfc",
        extended.ACTIONS | extended.SUPPORTED,
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
    peer.paste("a\n")
    peer.paste("a\nb")
    assert peer.sent == [extended.PROVIDE | extended.TEXT, extended.NOTIFY | extended.TEXT]


def test_nothing_is_echoed_or_cleared() -> None:
    peer = Peer()
    peer.paste("same")
    peer.receive(extended.PROVIDE | extended.TEXT, text=b"same")
    peer.clipboard.cut(CutText(b"same"))
    peer.clipboard.cut(CutText(b""))
    assert peer.copied == []
    peer.clipboard.cut(CutText(b"other"))
    peer.clipboard.cut(CutText(b"same"))
    assert peer.copied == [{"text/plain": b"other"}, {"text/plain": b"same"}]
    peer.sent.clear()
    peer.receive(extended.PEEK)
    assert peer.sent == [extended.NOTIFY]  # the users' text is no longer the newest


def test_a_text_that_is_outdated_is_not_given_to_the_server() -> None:
    peer = Peer()
    peer.receive(extended.ACTIONS | extended.TEXT, bytes(4))
    peer.paste("old")
    peer.clipboard.lose()
    peer.sent.clear()
    peer.receive(extended.REQUEST | extended.TEXT)
    peer.clipboard.offer()
    assert peer.sent == [extended.NOTIFY]


def test_only_what_users_accept_is_requested() -> None:
    everything = extended.TEXT | extended.HTML | extended.BITMAP
    for types, wanted in (
        (TYPES, extended.TEXT | extended.HTML),
        (("text/plain", "image/png"), extended.TEXT),
        (("image/png",), extended.BITMAP),
    ):
        peer = Peer(frozenset(types))
        peer.receive(extended.NOTIFY | everything)
        assert peer.sent == [extended.REQUEST | wanted]
    peer = Peer()
    peer.receive(extended.NOTIFY | extended.BITMAP)
    assert peer.sent == [extended.REQUEST | extended.BITMAP]
    peer = Peer(frozenset())
    peer.receive(extended.NOTIFY | everything)
    assert peer.sent == []


async def test_html_and_images_of_users() -> None:
    peer = Peer()
    assert not peer.clipboard.paste({"image/png": PNG})
    peer.receive(extended.ACTIONS | extended.SUPPORTED, struct.pack(">III", 100, 0, 0))
    assert peer.sent[1:] == [extended.NOTIFY | extended.BITMAP]
    assert peer.clipboard.paste({"text/plain": b"a\nb", "text/html": b"<b>a</b>"})
    assert peer.sent[-1] == extended.NOTIFY | extended.TEXT | extended.HTML
    peer.receive(extended.REQUEST | extended.TEXT | extended.HTML)
    await peer.rest()
    (found,) = peer.provided
    assert found[extended.TEXT] == b"a\nb"
    assert html.decode(found[extended.HTML], 1000).startswith(b"<html>")
    assert b"<b>a</b>" in found[extended.HTML]
    assert peer.clipboard.paste({"image/png": PNG})
    peer.receive(extended.REQUEST | extended.BITMAP)
    await peer.rest()
    bitmap = peer.provided[-1][extended.BITMAP]
    assert image(images.from_bitmap(bitmap)) == image(PNG)
    peer.receive(extended.REQUEST | extended.BITMAP)
    assert peer.clipboard.paste({"text/plain": b"newer"})
    await peer.rest()
    assert peer.sent[-1] == extended.NOTIFY | extended.TEXT


async def test_html_and_images_of_a_server() -> None:
    peer = Peer()
    peer.receive(extended.PROVIDE, text=b"a", html=html.encode(b"<i>a</i>"), bitmap=b"no bitmap")
    await peer.rest()
    assert list(peer.copied[0]) == ["text/plain", "text/html"]
    assert peer.copied[0]["text/html"].startswith(b"<html>")
    assert b"<i>a</i>" in peer.copied[0]["text/html"]
    peer.receive(extended.PROVIDE, bitmap=images.to_bitmap(PNG))
    await peer.rest()
    (content,) = peer.copied[1].values()
    assert image(content) == image(PNG)
    peer.receive(extended.PROVIDE, bitmap=b"no bitmap")
    peer.receive(extended.PROVIDE, bitmap=images.to_bitmap(PNG))
    peer.receive(extended.PROVIDE, text=b"newer")
    await asyncio.gather(*peer.tasks, return_exceptions=True)
    assert peer.copied[2:] == [{"text/plain": b"newer"}]


async def test_a_host_copies_more_than_is_allowed() -> None:
    peer = Peer(limit=10)
    peer.receive(extended.PROVIDE, text=b"12345", html=b"<b>1</b>")
    await peer.rest()
    assert peer.copied == [{"text/plain": b"12345"}]


async def test_a_refused_clipboard_leaves_nothing_to_be_pasted(daemon: Daemon) -> None:
    sent: list[bytes] = []

    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(1)
        peer.send(bytes(4))
        await peer.begin()
        caps = messages.extended_clipboard(extended.ACTIONS | extended.TEXT, bytes(4))
        peer.send(b"\3" + caps[1:])
        sent.append(await peer.read(24))  # the client's capabilities
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
    peer.paste("x")
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
