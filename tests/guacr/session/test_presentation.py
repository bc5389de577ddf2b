"""The end of what users see and hear."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import pytest

from guacr.display.display import Display
from guacr.protocol.audio import AudioFormat
from tests.support.freed import freed
from tests.support.loopback import Bench, SketchHandler, session_of, sketch, until


class LateHandler(SketchHandler):
    """Draws before each frame, and sends and plays while it cleans up, when nobody is left."""

    async def run(self) -> None:
        display = self.session.display
        display.before_frame = partial(self._draw, display)
        try:
            await super().run()
        finally:
            self.session.send_argv("colour", "late")
            self.session.open_audio(AudioFormat(rate=8000, channels=1))

    def _draw(self, display: Display) -> None:
        """Do nothing: it refers to the display, which refers to it."""


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench(handler=LateHandler)
    yield bench
    await bench.close()


async def test_the_last_position_of_the_pointer_is_sent(bench: Bench) -> None:
    transport, user = bench.connect()
    session = session_of(user)
    session.context.move_pointer(30, 40)
    session.context.move_pointer(50, 60)
    assert transport.canvas.pointer == (30, 40), "the next one has to wait"
    session.close()
    session.context.move_pointer(70, 80)
    assert transport.canvas.pointer == (50, 60)
    assert len(transport.all("mouse")) == 2


async def test_what_a_handler_has_left_there_is_freed(bench: Bench) -> None:
    async def begin_and_end() -> None:
        user = bench.connect()[1]
        await until(lambda: ("run",) in sketch(user).events)
        session_of(user).close()

    async with freed(bench.registry):
        await begin_and_end()
