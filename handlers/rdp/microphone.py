"""The users' microphone, which records while the host wants it."""

from __future__ import annotations

from guacr.api import AudioFormat, AudioInput, Resampler, UnsupportedError
from handlers.rdp.channel.codec import PART_MAX, ChannelError, Message
from handlers.rdp.channel.virtual import MicrophoneClosed, MicrophoneOpened, Recorded
from handlers.rdp.engine import Engine

CHANNELS_MAX = 2
UNSENT_MAX = 1 << 18
"""Bytes that may wait for a worker that is slow to read; sound beyond is dropped."""


class Microphone:
    """A microphone that a user offers, over all connections of a session."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._audio: AudioInput | None = None
        self._wanted: AudioFormat | None = None
        """The format in which the host records; None if it does not."""

    def begin(self, engine: Engine) -> None:
        """Record for the host of a worker."""
        self._engine = engine

    def end(self) -> None:
        """Record no longer: the worker ends."""
        self._stop()
        self._engine = None

    def offer(self, audio: AudioInput) -> None:
        """Use a user's microphone."""
        self._audio = audio
        self._start()

    def handle(self, message: Message) -> None:
        """Handle a message about recording.

        Raises:
            ChannelError: it is invalid.
        """
        match message:
            case MicrophoneOpened():
                self._stop()
                self._wanted = _format_of(message)
                self._start()
            case MicrophoneClosed():
                self._stop()

    def _start(self) -> None:
        audio, wanted, engine = self._audio, self._wanted, self._engine
        if audio is None or wanted is None or engine is None:
            return
        resampler = Resampler(audio.format, wanted)

        def take(data: bytes) -> None:
            if engine.unsent <= UNSENT_MAX:
                sound = resampler.feed(data)
                parts = range(0, len(sound), PART_MAX)
                engine.send(Recorded(sound[start : start + PART_MAX]) for start in parts)

        def ended() -> None:
            if self._audio is audio:
                self._audio = None

        audio.start(take, ended)

    def _stop(self) -> None:
        audio, was_wanted = self._audio, self._wanted is not None
        self._wanted = None
        if audio is not None and was_wanted:
            self._audio = None
            audio.stop()


def _format_of(opened: MicrophoneOpened) -> AudioFormat:
    if opened.channels > CHANNELS_MAX:
        raise ChannelError(f"a host does not record {opened.channels} channels")
    try:
        return AudioFormat(rate=opened.rate, channels=opened.channels, bits=16)
    except UnsupportedError as error:
        raise ChannelError(str(error)) from None
