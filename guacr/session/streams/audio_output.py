"""Audio of the remote host, for every viewer that plays it."""

from __future__ import annotations

import asyncio

from guacr.display.stream_indices import StreamIndices
from guacr.protocol.audio import AudioFormat, Cutter
from guacr.protocol.instruction import BLOB_MAX, encode, encode_blobs
from guacr.session.frames.frames import Frames
from guacr.session.frames.viewer import Viewer

LAG_MAX = 0.3
"""Seconds of lag beyond which a viewer misses audio: late audio would only be later still."""
BUFFERED_MAX = 32 * 1024
"""Unsent bytes beyond which the same applies."""
PROBE_INTERVAL = 0.1
"""Seconds between two measurements of viewers that are sent no frames."""


class AudioOutput:
    """One audio stream of the host.

    Nothing is queued: a viewer that is behind misses audio. As in guacd, acknowledgements of the
    stream are ignored; those of frames show how far a viewer is behind.
    """

    __slots__ = ("_cutter", "_index", "_outputs", "format")

    def __init__(self, outputs: AudioOutputs, index: int, audio: AudioFormat) -> None:
        self._outputs = outputs
        self._index = index
        self._begin(audio)

    def write(self, data: bytes) -> None:
        """Send audio in the stream's format, which may be cut within a frame; after `end`, do
        nothing."""
        if not self._outputs.has(self):
            return
        self._outputs.probe()
        whole = self._cutter.feed(data)
        step = BLOB_MAX - BLOB_MAX % self.format.frame
        for start in range(0, len(whole), step):
            blob = encode_blobs(self._index, whole[start : start + step])
            for viewer in self._outputs.listeners(self.format):
                if not self._outputs.is_behind(viewer):
                    viewer.send(blob)

    def change(self, audio: AudioFormat) -> None:
        """Continue in another format."""
        if self._outputs.has(self) and audio != self.format:
            self._send(encode("end", self._index))
            self._begin(audio)

    def end(self) -> None:
        """End the stream; repeated calls do nothing."""
        if self._outputs.has(self):
            self._send(encode("end", self._index))
            self._outputs.forget(self, self._index)

    def show_to(self, viewer: Viewer) -> None:
        """Open the stream for a new viewer."""
        if self.format.type in viewer.audio_types:
            viewer.send(self._opening())

    def _begin(self, audio: AudioFormat) -> None:
        self.format, self._cutter = audio, Cutter(audio)
        self._send(self._opening())

    def _opening(self) -> bytes:
        return encode("audio", self._index, self.format.mimetype)

    def _send(self, data: bytes) -> None:
        for viewer in self._outputs.listeners(self.format):
            viewer.send(data)


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

    def listeners(self, audio: AudioFormat) -> list[Viewer]:
        """Return the viewers that play a format."""
        return [viewer for viewer in self._frames.viewers if audio.type in viewer.audio_types]

    def is_behind(self, viewer: Viewer) -> bool:
        """Return whether audio would reach a viewer too late."""
        late = viewer.pacing.lag(self._loop.time()) > LAG_MAX
        return late or viewer.buffered > BUFFERED_MAX

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
