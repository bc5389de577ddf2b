"""The protocol `testcard`: a picture that needs no host, at a frame rate of one's choice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from guacr.display.framebuffer import FrameBuffer
from guacr.session.handler import ProtocolHandler
from handlers.testcard.card import Card
from handlers.testcard.files import UPLOADS, CardFiles
from handlers.testcard.keys import describe_key
from handlers.testcard.panel import MARK_SIZE, PointerMark
from handlers.testcard.params import TestcardParams
from handlers.testcard.questions import names_of, shown

if TYPE_CHECKING:
    from guacr.session.params import Params
    from guacr.session.session import Session
    from guacr.session.streams import InputStream
    from guacr.session.user import User

UNSEEN_AFTER = 0.25
"""Seconds after which a picture that no viewer has been ready for counts as unseen: nothing
further is drawn until one takes it."""


class TestcardHandler(ProtocolHandler):
    """Draws a `Card` of the size of the owner's window, shows on it what users do, and offers files
    to send and to receive."""

    name = "testcard"
    params_type = TestcardParams
    params: TestcardParams

    def __init__(self, session: Session, params: Params) -> None:
        super().__init__(session, params)
        self._card: Card | None = None
        self._mark: PointerMark | None = None
        self._resized = asyncio.Event()
        self._taken_at = 0.0
        self._files = CardFiles(self._note)
        self._asked = names_of(self.params.ask)

    @property
    def surface(self) -> FrameBuffer | None:
        """What is shown, once there is something."""
        return None if self._card is None else self._card.surface

    async def run(self) -> None:
        """Draw until cancelled, each picture at its time; those whose time has passed are left
        out, so that the card never runs behind the clock."""
        loop = asyncio.get_running_loop()
        self.session.set_name("guacr test card")
        answers = await self.session.ask(*self._asked) if self._asked else {}
        await self._current_card()
        for name, value in answers.items():
            self._note(f"{name}: {shown(name, value)}")
        start = loop.time()
        while True:
            card = await self._current_card()
            now = loop.time()
            if self._is_seen(card, now):
                card.advance(now - start)
                self.session.changed()
            await self._wait_until(next_tick(start, loop.time(), self.params.frame_rate))

    async def _current_card(self) -> Card:
        """The card; a new one if the window's size is another."""
        self._resized.clear()
        size = self.session.size
        if self._card is None or self._card.surface.size != size:
            self._card = await asyncio.to_thread(Card, *size, self.params)
            self.session.display.set_surface(self._card.surface)
            self._taken_at = asyncio.get_running_loop().time()
        return self._card

    def _is_seen(self, card: Card, now: float) -> bool:
        """Whether viewers keep taking what is drawn."""
        if not card.surface.changed:
            self._taken_at = now
        return now - self._taken_at <= UNSEEN_AFTER

    async def _wait_until(self, deadline: float) -> None:
        """Until `deadline`, on the event loop's clock, or a new size."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._resized.wait()
        except TimeoutError:
            return

    # ---- files

    def user_joined(self, user: User) -> None:
        """Offer files to the owner."""
        if user.owner:
            user.objects.offer(self._files)

    def open_stream(self, user: User, stream: InputStream) -> None:
        """Take a file that was dropped on the picture."""
        if stream.kind != "file":
            super().open_stream(user, stream)
        path = f"{UPLOADS}/{stream.name.rpartition('/')[2]}"
        user.transfers.receive(stream, lambda data: self._files.write(path, stream.mimetype, data))

    # ---- input

    def key(self, user: User, keysym: int, pressed: bool) -> None:
        """Name the key."""
        self._note(f"{'down' if pressed else 'up  '} {keysym:#06x}  {describe_key(keysym)}")

    def clipboard(self, user: User, mimetype: str, data: bytes) -> None:
        """Tell what has been pasted."""
        text = data[:200].decode(errors="replace")
        self._note(f"clipboard of {len(data)} bytes, {mimetype}: {text}")

    def mouse(self, user: User, x: int, y: int, buttons: int) -> None:
        """Mark the place."""
        if self._card is None:
            return
        if self._mark is None:
            overlay = self.session.display.add_overlay(0, 0, MARK_SIZE, MARK_SIZE)
            self._mark = PointerMark(overlay)
        self._mark.show(x, y, buttons)
        self._card.panel.show_pointer(self._card.surface, x, y, buttons)
        self.session.changed()

    def resize(self, user: User, width: int, height: int) -> None:
        """Draw a card of the new size."""
        self._resized.set()

    def _note(self, text: str) -> None:
        if self._card is not None:
            self._card.panel.add(self._card.surface, text)
            self.session.changed()


def next_tick(start: float, now: float, frame_rate: int) -> float:
    """The first moment after `now` that is a whole number of pictures after `start`."""
    return start + (int((now - start) * frame_rate) + 1) / frame_rate
