"""Keys by keysym and by place, and lock keys."""

from __future__ import annotations

import asyncio
import struct
import subprocess

from guacr.daemon import Daemon
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.vnc.keyboard import CAPS_LED, NUM_LED, Keyboard
from handlers.vnc.keycodes import KEYS
from handlers.vnc.rfb import numbers
from tests.support.rfb_server import SIZE, RfbPeer, rfb_server
from tests.support.waiting import until
from tests.support.xvnc import xvnc

SHIFT, CAPS, NUM = 0xFFE1, 0xFFE5, 0xFF7F


class Peer:
    """A keyboard, and what it has sent: keysyms and keycodes, the latter 0 for a plain key."""

    def __init__(self, *, takes_places: bool = True, leds: int | None = None) -> None:
        self.sent: list[tuple[int, int, int]] = []
        self.keyboard = Keyboard(self._take)
        self.keyboard.takes_places = takes_places
        self.keyboard.leds = leds

    def _take(self, sent: bytes) -> None:
        if sent[0] == 255:
            _, _, pressed, keysym, code = struct.unpack(">BBHII", sent)
            self.sent.append((keysym, code, pressed))
        else:
            _, pressed, keysym = struct.unpack(">BB2xI", sent)
            self.sent.append((keysym, 0, pressed))

    def press(self, *keysyms: int) -> list[tuple[int, int]]:
        """Press keys, and return the keysyms and keycodes of the presses that were sent."""
        self.sent.clear()
        for keysym in keysyms:
            self.keyboard.key(keysym, True)
        return [(keysym, code) for keysym, code, pressed in self.sent if pressed]


def test_keysyms_alone_unless_the_server_takes_places() -> None:
    assert Peer(takes_places=False).press(ord("a"), 0xFF0D) == [(ord("a"), 0), (0xFF0D, 0)]


def test_places_of_a_us_keyboard() -> None:
    assert Peer().press(ord("a"), ord("/"), ord("\\"), 0xFF0D, 0xFF51, 0xFFBE) == [
        (ord("a"), 0x1E), (ord("/"), 0x35), (ord("\\"), 0x2B), (0xFF0D, 0x1C), (0xFF51, 0xCB),
        (0xFFBE, 0x3B),
    ]  # fmt: skip
    assert Peer().press(SHIFT, ord("A"), ord("?")) == [
        (SHIFT, 0x2A), (ord("A"), 0x1E), (ord("?"), 0x35),
    ]  # fmt: skip


def test_keys_are_unambiguous() -> None:
    characters = {keysym: key for keysym, key in KEYS.items() if 0x20 < keysym < 0x7F}
    assert len(characters) == len(set(characters.values())) == 94


def test_characters_that_another_layout_shifts_are_keysyms() -> None:
    assert Peer().press(SHIFT, ord("/")) == [(SHIFT, 0x2A), (ord("/"), 0)]
    assert Peer().press(ord("!"), 0xFC) == [(ord("!"), 0), (0xFC, 0)]


def test_a_key_is_released_as_it_was_pressed() -> None:
    peer = Peer()
    peer.press(ord("1"), SHIFT, ord("/"))
    peer.sent.clear()
    for keysym in (ord("1"), SHIFT, ord("/")):
        peer.keyboard.key(keysym, False)
    assert peer.sent == [(ord("1"), 2, 0), (SHIFT, 0x2A, 0), (ord("/"), 0, 0)]
    assert peer.press(ord("/")) == [(ord("/"), 0x35)]


def test_lock_keys_follow() -> None:
    peer = Peer(leds=0)
    assert peer.press(ord("A"), ord("B")) == [(CAPS, 0x3A), (ord("A"), 0x1E), (ord("B"), 0x30)]
    assert peer.keyboard.leds == CAPS_LED
    assert peer.press(SHIFT, ord("c")) == [(SHIFT, 0x2A), (ord("c"), 0x2E)]
    assert peer.press(ord("D")) == [(CAPS, 0x3A), (ord("D"), 0x20)]
    assert peer.press(0xFFB1) == [(NUM, 0x45), (0xFFB1, 0x4F)]
    assert peer.press(0xFFB1) == [(0xFFB1, 0x4F)]
    assert peer.keyboard.leds == NUM_LED


def test_lock_keys_are_left_alone_where_the_server_does_not_report_them() -> None:
    assert Peer().press(ord("A"), 0xFFB1) == [(ord("A"), 0), (0xFFB1, 0x4F)]


async def test_a_server_that_says_so_gets_places(daemon: Daemon) -> None:
    keys: list[bytes] = []

    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(1)
        peer.send(bytes(4))
        await peer.begin()
        peer.send(b"\2")  # the bell
        peer.rectangle(struct.pack(">HHHHi", 0, 0, *SIZE, numbers.QEMU_KEYS))
        assert (await peer.read(10))[0] == 3
        peer.rectangle(struct.pack(">HHHHi", 0, 0, *SIZE, numbers.QEMU_LED_STATE), b"\4")
        assert (await peer.read(10))[0] == 3
        peer.rectangle(struct.pack(">HHHHi", 0, 0, 1, 1, 0), b"\0\0\xff\0")
        assert (await peer.read(10))[0] == 3
        keys.extend([await peer.read(12), await peer.read(6), await peer.read(12)])
        keys.append(await peer.read(6))
        await peer.ended()

    async with (
        rfb_server(script) as server,
        await GuacClient.connect(address(daemon), "vnc", server.parameters) as client,
    ):
        await client.wait(
            lambda: client.state.syncs and client.canvas.flatten()[0, 0].any(), "the last picture"
        )
        client.key(ord("Q"), True)
        client.mouse(3, 4, 1)
        await client.drain()
        await client.close()  # key and button are still pressed
        await until(lambda: len(keys) == 4, "their release")
    assert keys == [
        struct.pack(">BBHII", 255, 0, 1, ord("Q"), 0x10),
        struct.pack(">BBHH", 5, 1, 3, 4),
        struct.pack(">BBHII", 255, 0, 0, ord("Q"), 0x10),
        struct.pack(">BBHH", 5, 0, 3, 4),
    ]


async def test_xvnc_takes_places(daemon: Daemon) -> None:
    """Its raw keyboard goes by places alone."""
    async with xvnc("-RawKeyboard") as desktop:
        xev = desktop.start(
            "stdbuf", "-oL", "xev", "-geometry", "400x300+0+0", stdout=subprocess.PIPE
        )
        seen = bytearray()
        reading = asyncio.create_task(asyncio.to_thread(_read, xev, seen))
        async with await GuacClient.connect(address(daemon), "vnc", desktop.parameters) as client:
            await until(lambda: b"Expose" in seen, "the window")
            await client.wait(lambda: client.state.syncs, "the desktop")
            client.mouse(100, 120)
            for keysym in (ord("z"), 0xFF51):
                client.key(keysym)
            await until(lambda: b"keycode 113 (keysym 0xff51, Left)" in seen, "the keys")
            assert b"keycode 52 (keysym 0x7a, z)" in seen
        xev.terminate()
        await reading


def _read(process: subprocess.Popen[bytes], seen: bytearray) -> None:
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            seen.extend(line)
