"""Sound from and to the handler, in Chromium."""

from __future__ import annotations

import asyncio
import itertools
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import numpy as np
import pytest
from numpy.typing import NDArray

from guacr.opus import OpusEncoder
from guacr.protocol.audio import AudioFormat
from guacr.session.streams.audio_input import AudioInput
from guacr.session.streams.audio_output import AudioOutput
from guacr.session.streams.opus_stream import OPUS
from guacr.session.streams.outputs import OutputStreams
from guacr.session.user import User
from tests.browser.visit import connected, handler_of, sessions
from tests.support.browser import Page
from tests.support.loopback import SketchHandler
from tests.support.opus import only_libraries, pitch_of, require_opus
from tests.support.site import Site
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

EAR = """
    window.ears = [];
    const { connect } = AudioNode.prototype;
    AudioNode.prototype.connect = function (target, ...more) {
        const { context } = this;
        if (target === context.destination && this instanceof AudioBufferSourceNode) {
            let ear = ears.find((one) => one.context === context);
            if (!ear) {
                ears.push(ear = new AnalyserNode(context, { fftSize: 8192 }));
                ear.sources = 0;
            }
            ear.sources += 1;
            connect.call(this, ear);
        }
        return connect.call(this, target, ...more);
    };
    window.listen = () => {
        const [ear] = ears;
        if (!ear) return null;
        const heard = new Float32Array(ear.fftSize);
        ear.getFloatTimeDomainData(heard);
        const bytes = new Uint8Array(heard.buffer);
        return [ear.context.sampleRate, btoa(String.fromCharCode(...bytes))];
    };
"""
"""Keeps what the page plays, the sum of all its sources: the last 8,192 frames."""
DEAF = "delete window.AudioDecoder;"
COUNTED = """
    window.packets = window.ends = 0;
    for (const [type, name] of [[AudioData, "packets"], [AudioDecoder, "ends"]]) {
        const { close } = type.prototype;
        type.prototype.close = function () { window[name] += 1; return close.call(this); };
    }
"""
"""Counts the packets that are decoded, and the decoders that are closed."""
TIMEOUT = 20.0
FORMAT = AudioFormat(rate=44100, channels=2, bits=16)
PITCH, LOUDNESS = 440, 0.3
BLOCK = 0.06
"""Seconds of sound that are sent at a time: three packets in a blob."""


async def listening(page: Page, site: Site, *scripts: str) -> None:
    """Open a session in a page that keeps what it plays, as somebody who has used the page."""
    for script in (EAR, *scripts):
        await page.call("Page.addScriptToEvaluateOnNewDocument", source=script)
    await connected(page, site)
    await page.mouse("mousePressed", 400, 400)
    await page.mouse("mouseReleased", 400, 400)


@asynccontextmanager
async def playing(site: Site) -> AsyncIterator[AudioOutput]:
    """Play a tone on the left, in real time, within the block."""
    output = handler_of(site).session.open_audio(FORMAT)
    task = asyncio.create_task(play(output))
    try:
        yield output
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def play(output: AudioOutput) -> None:
    loop = asyncio.get_running_loop()
    start, size = loop.time(), round(BLOCK * FORMAT.rate)
    for number in itertools.count():
        times = np.arange(number * size, (number + 1) * size) / FORMAT.rate
        left = np.sin(2 * np.pi * PITCH * times) * LOUDNESS * 0x7FFF
        output.write(np.stack([left, np.zeros(size)], axis=1).astype("<i2").tobytes())
        await asyncio.sleep(start + (number + 1) * BLOCK - loop.time())


async def heard(page: Page) -> tuple[int, NDArray[np.float64]]:
    """The rate of what the page plays now, and the last 8,192 frames of it."""
    rate, data = await page.until("listen()", "any sound")
    return rate, np.frombuffer(b64decode(data), "<f4").astype(float)


def flaws(rate: int, samples: NDArray[np.float64]) -> str:
    """What distinguishes sound from the tone that is played; empty for the tone, if it has no gap
    and no seam."""
    pitch, loudness = pitch_of(samples, rate), 2 * samples.max()  # the mean of left and right
    steepness = 2 * np.abs(np.diff(samples)).max() / (2 * np.pi * PITCH / rate * LOUDNESS)
    if abs(pitch - PITCH) < rate / len(samples) and abs(loudness / LOUDNESS - 1) < 0.1:
        return "" if steepness < 1.1 else f"{steepness} times as steep"
    return f"{pitch} Hz, {loudness} loud"


async def a_tone_is_heard(page: Page) -> None:
    """Wait for the tone."""
    found = "nothing"
    deadline = asyncio.get_running_loop().time() + TIMEOUT
    while found:
        assert asyncio.get_running_loop().time() < deadline, f"{found}; console: {page.errors}"
        found = flaws(*await heard(page))


def user_of(site: Site) -> User:
    (session,) = sessions(site)
    (user,) = session.users
    return user


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


async def test_a_tone_is_heard_by_opus(page: Page, site: Site) -> None:
    require_opus()
    await listening(page, site)
    assert OPUS in user_of(site).audio_types
    async with playing(site):
        await a_tone_is_heard(page)
    assert (await heard(page))[0] == 48000
    assert not page.errors


async def test_a_tone_is_heard_by_pcm_where_the_browser_has_no_decoder(
    page: Page, site: Site
) -> None:
    await listening(page, site, DEAF)
    assert user_of(site).audio_types == {"audio/L8", "audio/L16"}
    async with playing(site):
        await a_tone_is_heard(page)


async def test_a_tone_is_heard_by_pcm_where_the_daemon_has_no_encoder(
    page: Page, site: Site
) -> None:
    with only_libraries("libmissing.so.0"):
        await listening(page, site)
        async with playing(site):
            await a_tone_is_heard(page)


async def test_packets_that_are_damaged_do_not_end_the_sound(
    page: Page, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_opus()
    damaged = 0
    encode = OpusEncoder.encode

    def damage(encoder: OpusEncoder, pcm: bytes) -> bytes:
        nonlocal damaged
        damaged += 1
        return b"\xff\x00" if damaged <= 20 else encode(encoder, pcm)

    monkeypatch.setattr(OpusEncoder, "encode", damage)
    await listening(page, site)
    async with playing(site):
        await a_tone_is_heard(page)
    assert damaged > 20


async def test_sound_that_the_browser_has_stopped_goes_on_with_a_key(
    page: Page, site: Site
) -> None:
    require_opus()
    await listening(page, site)
    async with playing(site):
        await a_tone_is_heard(page)
        await page.run("ears[0].context.suspend()")
        await page.key("a")
        await page.until("ears[0].context.state === 'running'", "sound")
        await a_tone_is_heard(page)


async def test_nothing_is_kept_for_later(page: Page, site: Site) -> None:
    require_opus()
    await listening(page, site, COUNTED)
    async with playing(site) as output:
        await page.until("ears.length && ears[0].sources > 10", "sound")
        played, decoded = await page.run(
            "ears[0].context.suspend().then(() => [ears[0].sources, window.packets])"
        )
        await page.until(f"window.packets > {decoded + 20}", "packets")
        assert await page.run("ears[0].sources") <= played + 3
        assert await page.run("window.ends") == 0
        output.end()
        await page.until("window.ends === 1", "the end of the decoder")


async def placed(page: Page, site: Site, arrivals: list[float]) -> list[float | None]:
    """When packets of 20 ms that arrive at these times are played; None for those left out."""
    await page.goto(site.origin)
    found: list[float | None] = await page.run(
        "import('./static/sound.js').then(({ Schedule }) => { const schedule = new Schedule();"
        f" return {json.dumps(arrivals)}.map((now) => schedule.place(now, 0.02)); }})"
    )
    return found


async def test_sound_is_played_soon(page: Page, site: Site) -> None:
    arrivals = [10.123456 + 0.02 * number for number in range(500)]
    starts = await placed(page, site, arrivals)
    played = [start for start in starts if start]
    assert len(played) == 500, "all are played"
    assert (np.array(played) - arrivals).max() < 0.1
    assert np.abs(np.diff(played) - 0.02).max() < 1e-9, "without gaps"
    assert abs(played[0] * 48000 % 1 - 0.5) > 0.499, "frames are where those of the output are"


async def test_many_may_arrive_at_once(page: Page, site: Site) -> None:
    arrivals = [1 + 0.14 * (number // 7) for number in range(700)]
    assert None not in await placed(page, site, arrivals)


async def test_a_pause_does_not_count(page: Page, site: Site) -> None:
    arrivals = [1.0, 1.02, 9.0, 9.02]
    starts = await placed(page, site, arrivals)
    assert starts == pytest.approx([1.08, 1.1, 9.08, 9.1], abs=1e-4)


async def test_late_packets_are_played_without_holding_up_the_rest(page: Page, site: Site) -> None:
    late = [1 + 0.02 * number + (0.07 if number % 10 == 5 else 0) for number in range(200)]
    starts = await placed(page, site, [max(late[: at + 1]) for at in range(200)])
    played = [start for start in starts if start]
    assert len(played) == 200
    assert np.abs(np.diff(played) - 0.02).max() < 1e-9


async def test_what_is_too_late_is_left_out(page: Page, site: Site) -> None:
    held_up = [1 + 0.02 * number for number in range(50)] + [3.0] * 50
    after = [3 + 0.02 * number for number in range(1, 100)]
    arrivals = held_up + after
    starts = await placed(page, site, arrivals)
    waits = [start - now for start, now in zip(starts, arrivals, strict=True) if start]
    assert max(waits) < 0.33
    assert starts[50:100].count(None) == pytest.approx(50 - 13, abs=2)
    assert waits[-1] < 0.11
    played = [start for start in starts[50:] if start]
    assert np.abs(np.diff(played) - 0.02).max() < 1e-9, "the rest has no gaps"


async def test_what_always_waits_is_shortened(page: Page, site: Site) -> None:
    """The clock of the remote side may run faster, or the network may have been slow once."""
    arrivals = [1.0] * 10 + [1 + 0.0199 * number for number in range(1, 5000)]
    starts = await placed(page, site, arrivals)
    waits = [start - now for start, now in zip(starts, arrivals, strict=True) if start]
    assert max(waits) < 0.3
    assert max(waits[-1000:]) < 0.13
    assert starts.count(None) < 60


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
