"""Fingers on the desktop: their numbers and phases, and what reaches a host that accepts them."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from guacr.api import Contact
from guacr.daemon import Daemon
from guacr.testing.client import GuacClient
from handlers.rdp import touch
from handlers.rdp.channel.codec import ChannelError, Message
from handlers.rdp.channel.touch import (
    CONTACTS_MAX,
    DOWN,
    MOVED,
    UP,
    Touch,
    Touchable,
    TouchFrame,
)
from handlers.rdp.touch import Touches
from tests.handlers.rdp.sessions import connected
from tests.support.certificates import Authority
from tests.support.rdp_desktop import RdpDesktop
from tests.support.rdpei import Finger, frame_of
from tests.support.scripted_host import scripted_host
from tests.support.waiting import until

NAME = "Microsoft::Windows::RDS::Input"
READY = bytes.fromhex("0100 0a000000 01000100")
SUSPEND, RESUME = bytes.fromhex("0400 06000000"), bytes.fromhex("0500 06000000")
CLIENT_READY = bytes.fromhex("0200 10000000 03000000 01000100 0a00")
FINGER_DOWN, FINGER_MOVED, FINGER_UP = 0x19, 0x1A, 0x04
TIMEOUT = 20.0


class Desk:
    """The fingers of a desktop without a worker."""

    def __init__(self, *, accepts: bool = True) -> None:
        self.frames: list[list[Touch]] = []
        self.levels: list[int] = []
        """The fingers that clients were allowed."""
        session: Any = SimpleNamespace(
            display=SimpleNamespace(accept_touches=self.levels.append), changed=lambda: None
        )
        self.touches = Touches(session, self._post)
        if accepts:
            self.touches.handle(Touchable(True))

    def _post(self, message: Message) -> None:
        assert isinstance(message, TouchFrame)
        self.frames.append(message.touches())

    def put(self, user: Any, finger: int, x: int, force: float = 1.0) -> None:
        self.touches.put(user, Contact(id=finger, x=x, y=2, force=force))

    @property
    def phases(self) -> list[list[tuple[int, int, int]]]:
        """Number, phase and x of each finger of each frame."""
        return [[(one.slot, one.phase, one.x) for one in frame] for frame in self.frames]


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> Any:
    """One whose fingers are not sent again."""
    monkeypatch.setattr(touch, "REFRESH", 1000.0)
    made = Desk()
    yield made
    made.touches.end()


async def test_frames_have_all_fingers_and_numbers_are_used_again(desk: Desk) -> None:
    desk.put("ann", 7, 10)
    desk.put("bob", 7, 20)
    desk.put("ann", 7, 11)
    desk.put("ann", 7, 11, force=0)
    desk.put("ann", 9, 30)
    assert desk.phases == [
        [(0, DOWN, 10)],
        [(0, MOVED, 10), (1, DOWN, 20)],
        [(0, MOVED, 11), (1, MOVED, 20)],
        [(0, UP, 11), (1, MOVED, 20)],
        [(1, MOVED, 20), (0, DOWN, 30)],
    ]


async def test_fingers_beyond_the_limit_are_ignored(desk: Desk) -> None:
    for finger in range(CONTACTS_MAX + 1):
        desk.put("ann", finger, finger)
    desk.put("ann", CONTACTS_MAX, 5, force=0)
    assert len(desk.frames) == CONTACTS_MAX
    desk.put("ann", 0, 0, force=0)
    desk.put("ann", CONTACTS_MAX, 5)
    assert desk.phases[-1][-1] == (0, DOWN, 5)


async def test_the_shape_is_that_of_rdp(desk: Desk) -> None:
    shape = Contact(id=1, x=1, y=2, radius_x=3, radius_y=4, angle=30.4, force=0.25)
    desk.touches.put("ann", shape)  # type: ignore[arg-type]
    assert desk.frames == [[Touch(0, DOWN, 1, 2, 3, 4, 330, 256)]]


async def test_a_finger_that_rests_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(touch, "REFRESH", 0.01)
    desk = Desk()
    desk.put("ann", 7, 10)
    await until(lambda: len(desk.frames) > 3, "frames")
    assert set(map(tuple, desk.phases[1:])) == {((0, MOVED, 10),)}
    desk.put("ann", 7, 10, force=0)
    count = len(desk.frames)
    await asyncio.sleep(0.05)  # nothing is to happen
    assert len(desk.frames) == count


async def test_only_while_the_host_accepts_them(desk: Desk) -> None:
    desk.put("ann", 7, 10)
    desk.touches.handle(Touchable(False))
    desk.touches.handle(Touchable(False))
    desk.put("ann", 7, 11)
    desk.touches.handle(Touchable(True))
    desk.put("ann", 8, 12, force=0)
    desk.put("ann", 9, 13)
    assert desk.phases == [[(0, DOWN, 10)], [(0, DOWN, 13)]]
    assert desk.levels == [CONTACTS_MAX, 0, CONTACTS_MAX]


async def test_fingers_are_lifted_at_the_end(desk: Desk) -> None:
    desk.put("ann", 7, 10)
    desk.put("bob", 7, 20)
    desk.touches.end()
    assert desk.phases[-1] == [(0, UP, 10), (1, UP, 20)]
    assert desk.levels == [CONTACTS_MAX, 0]


def test_frames_are_limited() -> None:
    one = Touch(1, DOWN, 2, 3, 4, 5, 6, 7)
    assert TouchFrame.of([one] * CONTACTS_MAX).touches() == [one] * CONTACTS_MAX
    for contacts in (TouchFrame.of([one] * (CONTACTS_MAX + 1)).contacts, b"junk"):
        with pytest.raises(ChannelError):
            TouchFrame(contacts).touches()


# ---- a whole session


def level(client: GuacClient) -> str | None:
    """The number of fingers that a client was allowed last."""
    found = [one.args[2] for one in client.history if one.args[1:2] == ("multi-touch",)]
    return found[-1] if found else None


async def fingers(host: RdpDesktop) -> list[Finger]:
    """Those of the next frame that a host receives."""
    return frame_of(await host.heard.get()).fingers


async def test_fingers_reach_the_host(daemon: Daemon, authority: Authority, tmp_path: Path) -> None:
    host = RdpDesktop(authority.server_context(tmp_path))
    async with (
        scripted_host(host.script) as parameters,
        connected(daemon, parameters, security="tls", enable_touch="true") as client,
        asyncio.timeout(TIMEOUT),
    ):
        assert await host.open(NAME) == 0
        assert level(client) in (None, "0")
        host.say(READY)
        assert await host.heard.get() == CLIENT_READY
        await client.wait(lambda: level(client) == "10", "touches")
        client.touch(5, 300, 50, force=0.5, radius=(20, 30))
        client.touch(5, 300, 50, force=0, radius=(20, 30))  # at once: both count
        ellipse = [-20, -30, 20, 30]
        assert await fingers(host) == [Finger(0, 300, 50, FINGER_DOWN, ellipse, 0, 512)]
        assert await fingers(host) == [Finger(0, 300, 50, FINGER_UP, ellipse, 0, 0)]
        client.touch(6, 7, 8)
        assert (await fingers(host))[0].flags == FINGER_DOWN
        first = frame_of(await host.heard.get())  # that of a finger that rests
        assert first.fingers[0].flags == FINGER_MOVED
        assert 0 < first.elapsed < 5e6
        host.say(SUSPEND)
        await client.wait(lambda: level(client) == "0", "no touches")
        client.touch(6, 9, 9)
        host.say(RESUME)
        await client.wait(lambda: level(client) == "10", "touches again")
        client.touch(6, 10, 10)
        while (finger := (await fingers(host))[0]).x != 10:
            assert finger.x == 7  # it was sent before the host suspended touches
        assert finger.flags == FINGER_DOWN
        host.close()
        await client.wait(lambda: level(client) == "0", "the end of touches")


async def test_what_is_no_message_closes_the_channel(
    daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    host = RdpDesktop(authority.server_context(tmp_path))
    async with (
        scripted_host(host.script) as parameters,
        connected(daemon, parameters, security="tls", enable_touch="true") as client,
        asyncio.timeout(TIMEOUT),
    ):
        assert await host.open(NAME) == 0
        host.say(READY)
        await client.wait(lambda: level(client) == "10", "touches")
        host.say(struct.pack("<HI", 1, 6))
        await client.wait(lambda: level(client) == "0", "the end of touches")
        client.mouse(5, 5)
        assert not client.state.errors


async def test_touches_are_off_by_default(
    daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    host = RdpDesktop(authority.server_context(tmp_path))
    async with (
        scripted_host(host.script) as parameters,
        connected(daemon, parameters, security="tls"),
        asyncio.timeout(TIMEOUT),
    ):
        assert await host.open(NAME) != 0
