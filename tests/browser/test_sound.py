"""Sound from and to the handler, in Chromium."""

from __future__ import annotations

import pytest

from guacr.protocol.audio import AudioFormat
from guacr.session.streams.audio_input import AudioInput
from guacr.session.streams.outputs import OutputStreams
from guacr.session.user import User
from tests.browser.visit import connected, handler_of
from tests.support.browser import Page
from tests.support.loopback import SketchHandler
from tests.support.site import Site
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_the_page_offers_its_microphone(
    page: Page, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered: list[AudioInput] = []
    sound = bytearray()

    def record(_handler: SketchHandler, _user: User, audio: AudioInput) -> None:
        offered.append(audio)

    monkeypatch.setattr(SketchHandler, "record", record)
    await connected(page, site)
    await until(lambda: offered, "a microphone")
    assert offered[0].format == AudioFormat(rate=44100, channels=2, bits=16)
    offered[0].start(sound.extend)
    await until(lambda: any(sound), "sound of the browser's own beeper")
    offered[0].stop()
    await until(lambda: len(offered) == 2, "another offer")


async def test_the_page_plays_sound(
    page: Page, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[tuple[int, int]] = []

    def acknowledged(_streams: OutputStreams, index: int, _message: str, status: int) -> None:
        answers.append((index, status))

    monkeypatch.setattr(OutputStreams, "acknowledged", acknowledged)
    await connected(page, site)
    output = handler_of(site).session.open_audio(AudioFormat())
    for _ in range(20):
        output.write(bytes(4000))
    await until(lambda: answers, "an answer")
    ((index, status),) = answers
    assert index % 2
    assert status == 0, "the browser knows the format"
    assert await page.run("document.querySelector('#session').dataset.state") == "connected"
