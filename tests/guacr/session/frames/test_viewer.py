"""Viewers that are not users: what a recording sees, and what nobody notices of it."""

from collections.abc import AsyncIterator

import pytest

from guacr.display.geometry import Rect
from guacr.protocol.audio import AudioFormat
from guacr.session.frames.viewer import Viewer
from guacr.session.input.taps import InputTap
from guacr.session.input.touch import Contact
from guacr.session.keep_alive import KEEP_ALIVE
from guacr.session.user import User
from guacr.settings.models import SessionSettings, Settings
from guacr.testing.canvas import Canvas
from guacr.testing.wire import Splitter
from tests.support.loopback import Bench, frame, session_of, sketch, until


class Recording(Viewer):
    """Paints what it is sent."""

    __slots__ = ("canvas", "opcodes", "plays", "waiting")

    sets_pace = False

    def __init__(self) -> None:
        super().__init__()
        self.canvas = Canvas()
        self.opcodes: list[str] = []
        self.waiting = 0
        self.plays: frozenset[str] = frozenset()

    @property
    def audio_types(self) -> frozenset[str]:
        return self.plays

    @property
    def buffered(self) -> int:
        return self.waiting

    def send(self, data: bytes) -> None:
        for instruction in Splitter().feed(data):
            self.opcodes.append(instruction.opcode)
            self.canvas.apply(instruction)

    def shows(self, user: User) -> bool:
        """Return whether its picture is the session's."""
        return bool((self.canvas.flatten() == sketch(user).surface.array[..., 2::-1]).all())


class Keys(InputTap):
    """Notes what is typed and pointed at."""

    def __init__(self) -> None:
        self.seen: list[tuple[object, ...]] = []

    def key(self, user: User, keysym: int, pressed: bool) -> None:
        self.seen.append((user.id, keysym, pressed))

    def mouse(self, user: User, x: int, y: int, buttons: int) -> None:
        self.seen.append((user.id, x, y, buttons))

    def touch(self, user: User, contact: Contact) -> None:
        self.seen.append((user.id, contact))


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench(Settings(session=SessionSettings(max_users=2)))
    yield made
    await made.close()


def paint(user: User, red: int) -> None:
    sketch(user).surface.fill(Rect(10, 10, 20, 20), (red, 0, 0))
    session_of(user).context.changed()


async def test_it_sees_the_whole_picture_and_what_changes(bench: Bench) -> None:
    transport, user = bench.connect()
    paint(user, 50)
    await frame(transport)
    recording = Recording()
    session_of(user).presentation.add_viewer(recording)
    await until(lambda: "sync" in recording.opcodes)
    assert recording.shows(user)
    paint(user, 200)
    await until(lambda: recording.shows(user))
    assert not {"ready", "name", "msg", "argv", "nop"} & set(recording.opcodes)
    session_of(user).presentation.remove_viewer(recording)
    sent = len(recording.opcodes)
    transport.acknowledge()
    paint(user, 90)
    await frame(transport)
    assert len(recording.opcodes) == sent


async def test_it_sees_the_last_picture(bench: Bench) -> None:
    transport, user = bench.connect()
    await frame(transport)
    recording = Recording()
    session_of(user).presentation.add_viewer(recording)
    await until(lambda: "sync" in recording.opcodes)
    paint(user, 77)
    surface = sketch(user).surface.array[..., 2::-1].copy()
    session_of(user).close()
    assert (recording.canvas.flatten() == surface).all()


async def test_it_is_no_user(bench: Bench) -> None:
    transport, user = bench.connect()
    session = session_of(user)
    recording = Recording()
    session.presentation.add_viewer(recording)
    joiner, second = bench.connect(session.id)  # two users are allowed
    assert len(session.users) == 2
    assert len(transport.all("msg")) == 1, "of the joiner"
    bench.registry.keep_alive(user.link.last_sent + KEEP_ALIVE + 1)
    assert joiner.all("nop") == [()]
    assert "nop" not in recording.opcodes
    session.detach(second)
    session.detach(user)
    assert session.closed


async def test_it_sets_no_pace(bench: Bench) -> None:
    """A viewer that never acknowledges and sets the pace would have frames made for it alone."""
    transport, user = bench.connect()
    await frame(transport)
    transport.acknowledge()
    recording = Recording()
    session_of(user).presentation.add_viewer(recording)
    await until(lambda: "sync" in recording.opcodes)
    frames = session_of(user).frames
    user.pacing.sent(frames.timestamp(), user.now() - 1)
    assert frames._lag() > 0, "the next frame waits for the user"


async def test_one_that_plays_sound_hears_it(bench: Bench) -> None:
    _, user = bench.connect()
    deaf, recording = Recording(), Recording()
    recording.plays = frozenset({"audio/L16"})
    output = sketch(user).session.open_audio(AudioFormat())
    for viewer in (deaf, recording):
        session_of(user).presentation.add_viewer(viewer)
    output.write(b"abcd")
    session_of(user).close()
    sound = [opcode for opcode in recording.opcodes if opcode in ("audio", "blob", "end")]
    assert sound[:2] == ["audio", "blob"]
    assert "end" in sound
    assert "audio" not in deaf.opcodes


async def test_one_that_is_behind_catches_up(bench: Bench) -> None:
    transport, user = bench.connect()
    transport.replies = True
    await frame(transport)
    recording = Recording()
    session_of(user).presentation.add_viewer(recording)
    await until(lambda: "sync" in recording.opcodes)
    recording.waiting = 1 << 30
    seen = len(recording.opcodes)
    paint(user, 120)
    await frame(transport)
    assert len(recording.opcodes) == seen
    assert recording.stale
    recording.waiting = 0
    paint(user, 121)
    await until(lambda: recording.shows(user))


async def test_a_tap_sees_what_reaches_the_handler(bench: Bench) -> None:
    transport, user = bench.connect()
    watcher, _ = bench.connect(session_of(user).id, read_only="true")
    tap = Keys()
    session_of(user).taps.append(tap)
    transport.send("key", 65, 1)
    transport.send("key", 65, 0)
    transport.send("mouse", 3, 4, 1)
    transport.send("touch", 2, 5, 6, 1, 1, 0, 1)
    watcher.send("key", 66, 1)
    assert tap.seen == [
        (user.id, 65, True),
        (user.id, 65, False),
        (user.id, 3, 4, 1),
        (user.id, Contact(id=2, x=5, y=6, radius_x=1, radius_y=1)),
    ]
    events = [event for event in sketch(user).events if event[0] in ("key", "mouse")]
    assert events == [("key", 65, True), ("key", 65, False), ("mouse", 3, 4, 1)]


async def test_handlers_cannot_end_a_session_or_add_users(bench: Bench) -> None:
    _, user = bench.connect()
    for name in ("attach", "detach", "drop", "close", "presentation", "handler"):
        assert not hasattr(sketch(user).session, name)
    assert sketch(user).session.users == (user,)
