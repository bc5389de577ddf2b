"""The sound of a host: its bell, and what its VNC server or its PulseAudio server sends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from guacr.api import GuacrError, SessionContext
from handlers.bell import Bell
from handlers.vnc.params import VncParams
from handlers.vnc.pulse_sound import play_pulse
from handlers.vnc.rfb.events import Beeped, SoundBegun, Sounded, SoundEnded, Supported
from handlers.vnc.sound import Sound

SoundEvent = Supported | SoundBegun | Sounded | SoundEnded | Beeped


class HostSound:
    """Plays the host's sound to the users of a session, if `enable-audio` is set.

    Args:
        send: sends a message to the VNC server.
    """

    def __init__(
        self, session: SessionContext, params: VncParams, send: Callable[[bytes], None]
    ) -> None:
        self._session = session
        self._server = params.audio_servername
        """The PulseAudio server; empty if the VNC server is to send the sound."""
        self._is_wanted = params.enable_audio
        self._is_missed = params.enable_audio and not self._server
        """True if nobody has been told yet whether there is any."""
        self._sound = Sound(session, send)
        self._bell = Bell(session)
        self._playing: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Play the sound of the PulseAudio server, if there is one: the desktop is shown."""
        if self._is_wanted and self._server:
            self._playing = self._session.start_task(self._play(), "sound")

    def close(self) -> None:
        """End the stream."""
        self._sound.end()
        playing, self._playing = self._playing, None
        if playing is not None:
            playing.cancel()

    def handle(self, event: SoundEvent) -> None:
        """Handle what the VNC server sends."""
        if not self._is_wanted:
            return
        match event:
            case Supported():
                self._sound.request()
            case SoundBegun() if self._sound.is_supported:
                self._sound.begin()
            case Sounded():
                self._sound.play(event.data)
            case SoundEnded():
                self._sound.end()
            case Beeped():
                self._bell.ring()

    def note_picture(self) -> None:
        """Report that there is none: a server says that it supports sound before it sends the first
        picture."""
        if self._is_missed and not self._sound.is_supported:
            self._session.log.warning(
                "there is no sound: the VNC server does not send any, as only QEMU does; if the "
                "host has a PulseAudio server, set audio-servername"
            )
        self._is_missed = False

    async def _play(self) -> None:
        try:
            await play_pulse(self._session.network, self._server, self._sound)
        except GuacrError as error:
            self._session.log.warning("there is no sound: %s", error)
