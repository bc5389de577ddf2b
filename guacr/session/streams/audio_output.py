"""Audio of the remote host, for every viewer that plays it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from guacr import opus
from guacr.display.stream_indices import StreamIndices
from guacr.protocol.audio import AudioFormat, Cutter
from guacr.protocol.instruction import BLOB_MAX, encode, encode_blobs
from guacr.session.frames.frames import Frames
from guacr.session.frames.viewer import Viewer
from guacr.session.streams.opus_stream import OPUS, OpusStream

LAG_MAX = 0.3
"""Seconds of lag beyond which a viewer misses audio: late audio would only be later still."""
BUFFERED_MAX = 32 * 1024
"""Unsent bytes beyond which the same applies."""
PROBE_INTERVAL = 0.1
"""Seconds between two measurements of viewers that are sent no frames."""


class AudioOutput:
    """One audio stream of the host: PCM, and Opus to the viewers that decode it.

    Nothing is queued: a viewer that is behind misses audio. As in guacd, acknowledgements of the
    stream are ignored; those of frames show how far a viewer is behind.
    """

    __slots__ = ("_cutter", "_index", "_opus", "_outputs", "format")

    def __init__(self, outputs: AudioOutputs, index: int, audio: AudioFormat) -> None:
        self._outputs = outputs
        self._index = index
        self._opus: OpusStream | None = None
        """None if nobody has been sent Opus since the format began."""
        self._begin(audio)

    def write(self, data: bytes) -> None:
        """Send audio in the stream's format, which may be cut within a frame; after `end`, do
        nothing."""
        if not self._outputs.has(self):
            return
        self._outputs.probe()
        whole = self._cutter.feed(data)
        if listeners := self._outputs.listeners(self.format):
            step = BLOB_MAX - BLOB_MAX % self.format.frame
            blobs = (whole[start : start + step] for start in range(0, len(whole), step))
            self._play(blobs, listeners)
        self._write_opus(whole)

    def change(self, audio: AudioFormat) -> None:
        """Continue in another format."""
        if self._outputs.has(self) and audio != self.format:
            self._finish()
            self._begin(audio)

    def end(self) -> None:
        """End the stream; repeated calls do nothing."""
        if self._outputs.has(self):
            self._finish()
            self._outputs.forget(self, self._index)

    def show_to(self, viewer: Viewer) -> None:
        """Open the stream for a new viewer."""
        if plays_opus(viewer):
            viewer.send(encode("audio", self._index, OpusStream.mimetype(self.format)))
        elif self.format.type in viewer.audio_types:
            viewer.send(encode("audio", self._index, self.format.mimetype))

    def _begin(self, audio: AudioFormat) -> None:
        self.format, self._cutter = audio, Cutter(audio)
        for viewer in self._outputs.viewers:
            self.show_to(viewer)

    def _write_opus(self, whole: bytes) -> None:
        listeners = self._outputs.opus_listeners()
        if not listeners:
            self._opus = None
            return
        self._opus = self._opus or OpusStream(self.format)
        self._play(self._opus.feed(whole), listeners)

    def _play(self, blobs: Iterable[bytes], listeners: list[Viewer]) -> None:
        for data in blobs:
            blob = encode_blobs(self._index, data)
            for viewer in listeners:
                if not self._outputs.is_behind(viewer):
                    viewer.send(blob)

    def _finish(self) -> None:
        stream, self._opus = self._opus, None
        listeners = self._outputs.opus_listeners()
        if stream is not None:
            self._play(stream.end(), listeners)
        for viewer in (*listeners, *self._outputs.listeners(self.format)):
            viewer.send(encode("end", self._index))


class AudioOutputs:
    """The audio streams of one session."""

    __slots__ = ("_frames", "_indices", "_loop", "_open", "_probed_at")

    def __init__(self, frames: Frames, indices: StreamIndices) -> None:
        self._indices = indices
        self._frames = frames
        self._loop = asyncio.get_running_loop()
        self._probed_at = 0.0
        self._open: list[AudioOutput] = []

    def open(self, audio: AudioFormat) -> AudioOutput:
        """Open a stream.

        Raises:
            TooManyError: too many streams to all users are open.
        """
        output = AudioOutput(self, self._indices.reserve(), audio)
        self._open.append(output)
        return output

    def show_to(self, viewer: Viewer) -> None:
        """Open all streams for a new viewer."""
        for output in self._open:
            output.show_to(viewer)

    @property
    def viewers(self) -> tuple[Viewer, ...]:
        """All viewers of the session."""
        return tuple(self._frames.viewers)

    def listeners(self, audio: AudioFormat) -> list[Viewer]:
        """Return the viewers that are sent a format of PCM."""
        return [
            viewer
            for viewer in self._frames.viewers
            if audio.type in viewer.audio_types and not plays_opus(viewer)
        ]

    def opus_listeners(self) -> list[Viewer]:
        """Return the viewers that are sent Opus."""
        return [viewer for viewer in self._frames.viewers if plays_opus(viewer)]

    def is_behind(self, viewer: Viewer) -> bool:
        """Return whether audio would reach a viewer too late, or has to wait."""
        late = viewer.pacing.lag(self._loop.time()) > LAG_MAX
        return late or viewer.buffered > BUFFERED_MAX or not viewer.may_be_sent

    def probe(self) -> None:
        """Measure every `PROBE_INTERVAL` how far viewers that are sent no frames are behind."""
        now = self._loop.time()
        if now - self._probed_at >= PROBE_INTERVAL:
            self._probed_at = now
            self._frames.probe()

    def has(self, output: AudioOutput) -> bool:
        """Return whether a stream is open."""
        return output in self._open

    def forget(self, output: AudioOutput, index: int) -> None:
        """Remove a stream that has ended."""
        self._open.remove(output)
        self._indices.release(index)

    def end(self) -> None:
        """End all streams, because the session ends."""
        for output in list(self._open):
            output.end()


def plays_opus(viewer: Viewer) -> bool:
    """Return whether a viewer is sent Opus: it decodes it, and it can be encoded here."""
    return OPUS in viewer.audio_types and opus.is_available()
