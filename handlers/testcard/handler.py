"""The protocol `testcard`: a picture without a host, at a chosen frame rate."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from typing_extensions import override

from guacr.api import Connects, FrameBuffer, ProtocolHandler, WindowSizes, compute
from handlers.testcard.card import Card
from handlers.testcard.files import UPLOADS, CardFiles
from handlers.testcard.keys import describe_key
from handlers.testcard.panel import MARK_SIZE, ContactMarks, PointerMark
from handlers.testcard.params import TestcardParams
from handlers.testcard.questions import names_of, shown
from handlers.testcard.sound import TONE_FORMAT, Level, play_tone

if TYPE_CHECKING:
    from guacr.api import AudioInput, Contact, InputStream, SessionContext, User

UNSEEN_AFTER = 0.25
"""Seconds after which a picture for which no viewer has been ready counts as unseen: drawing stops
until a viewer receives it."""
CONTACTS = 10
"""Fingers that clients send."""
SIZES_INTERVAL = 0.1
"""Seconds between two cards of different sizes."""


class TestcardHandler(ProtocolHandler[TestcardParams]):
    """Draws a `Card` of the size of the owner's window, shows on it what users do, and offers file
    transfers in both directions."""

    name = "testcard"
    connects = Connects.NOWHERE
    params_type = TestcardParams

    def __init__(self, session: SessionContext, params: TestcardParams) -> None:
        super().__init__(session, params)
        self._card: Card | None = None
        self._mark: PointerMark | None = None
        self._sizes = WindowSizes(*session.size, SIZES_INTERVAL)
        self._is_due = False
        """True if it is time for another picture."""
        self._taken_at = 0.0
        self._files = CardFiles(self._note)
        self._contacts = ContactMarks(session.display)
        session.display.accept_touches(CONTACTS)
        self._asked = names_of(self.params.ask)

    @property
    def surface(self) -> FrameBuffer | None:
        """The surface that is shown; None before the first card."""
        return None if self._card is None else self._card.surface

    @override
    async def run(self) -> None:
        # each picture is drawn at its time, and only if a frame will show it: the card never falls
        # behind the clock, and no picture is drawn unnecessarily
        loop = asyncio.get_running_loop()
        self.session.set_name("guacr test card")
        answers = await self.session.ask(*self._asked) if self._asked else {}
        await self._draw_card(*self.session.size)
        self.session.start_task(self._follow_window(), "sizes")
        self.session.set_connected()
        if self.params.sound == "tone":
            output = self.session.open_audio(TONE_FORMAT)
            self.session.start_task(play_tone(output), "tone")
        for name, value in answers.items():
            self._note(f"{name}: {shown(name, value)}")
        start = loop.time()
        self.session.display.before_frame = lambda: self._draw(loop.time() - start)
        while True:
            self._is_due = True
            self.session.changed()
            await asyncio.sleep(next_tick(start, loop.time(), self.params.frame_rate) - loop.time())

    def _draw(self, seconds: float) -> None:
        """Draw if a picture is due, `seconds` after the start."""
        if self._is_due and self._card is not None and self._is_seen(self._card):
            self._is_due = False
            self._card.advance(seconds)

    async def _follow_window(self) -> None:
        async for width, height in self._sizes:
            await self._draw_card(width, height)
            self.session.changed()

    async def _draw_card(self, width: int, height: int) -> None:
        """Show a new card."""
        self._card = await compute(Card, width, height, self.params, self.session.memory)
        self.session.display.set_surface(self._card.surface)
        self._taken_at = asyncio.get_running_loop().time()

    def _is_seen(self, card: Card) -> bool:
        """Return whether viewers receive what is drawn."""
        now = asyncio.get_running_loop().time()
        if not card.surface.changed:
            self._taken_at = now
        return now - self._taken_at <= UNSEEN_AFTER

    # ---- files

    @override
    def user_joined(self, user: User) -> None:
        if user.owner:
            user.objects.offer(self._files)

    @override
    def open_stream(self, user: User, stream: InputStream) -> None:
        if stream.kind != "file":
            super().open_stream(user, stream)
        path = f"{UPLOADS}/{stream.name.rpartition('/')[2]}"
        user.transfers.receive(stream, lambda data: self._files.write(path, stream.mimetype, data))

    @override
    def record(self, user: User, audio: AudioInput) -> None:
        if not self.params.microphone:
            super().record(user, audio)
        Level(audio, self._note)

    # ---- input

    @override
    def key(self, user: User, keysym: int, pressed: bool) -> None:
        self._note(f"{'down' if pressed else 'up  '} {keysym:#06x}  {describe_key(keysym)}")

    @override
    def clipboard(self, user: User, mimetype: str, data: bytes) -> None:
        text = data[:200].decode(errors="replace")
        self._note(f"clipboard of {len(data)} bytes, {mimetype}: {text}")

    @override
    def mouse(self, user: User, x: int, y: int, buttons: int) -> None:
        if self._card is None:
            return
        if self._mark is None:
            overlay = self.session.display.add_overlay(0, 0, MARK_SIZE, MARK_SIZE)
            self._mark = PointerMark(overlay)
        self._mark.show(x, y, buttons)
        self._card.panel.show_pointer(self._card.surface, x, y, buttons)
        self.session.changed()

    @override
    def touch(self, user: User, contact: Contact) -> None:
        self._contacts.show(user.id, contact)
        self.session.changed()

    @override
    def resize(self, user: User, width: int, height: int) -> None:
        self._sizes.put(width, height)

    def _note(self, text: str) -> None:
        if self._card is not None:
            self._card.panel.add(self._card.surface, text)
            self.session.changed()


def next_tick(start: float, now: float, frame_rate: int) -> float:
    """Return the first time after `now` that is a whole number of pictures after `start`."""
    return start + (int((now - start) * frame_rate) + 1) / frame_rate
