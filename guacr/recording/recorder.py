"""Records what the users of a session see and, if wanted, what they do.

A recording is a sequence of instructions as a client receives them, so that guacd's tools
(`guacenc`, `guaclog`) and Apache Guacamole's player can read it. `sync` is its clock: milliseconds
that never decrease; `key`, `mouse` and `touch` end with the time on the same clock.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from typing_extensions import override

from guacr.display.encoder import JPEG, PNG, WEBP
from guacr.protocol.instruction import encode, encode_stream
from guacr.recording.index import KEYFRAME, Index
from guacr.recording.keyframes import Keyframes
from guacr.recording.sink import Sink
from guacr.session.frames.viewer import Viewer
from guacr.session.input.taps import InputTap
from guacr.session.input.touch import Contact
from guacr.session.session import Session
from guacr.session.user import User
from guacr.threads import compute

INPUT_RESERVE = 1 << 20
"""Bytes of input that are accepted while the queue has no room for pictures."""
SYNC_EVERY = 40
"""Milliseconds between two positions of the pointer that a player can tell apart."""
LARGE = 1 << 20
"""Bytes of a clipboard from which on it is encoded on a thread."""

_DISPOSALS = re.compile(rb"(?:7\.dispose,\d+\.-?\d+;)*")
_SYNC, _SET = b"4.sync,", b"3.set,"
TAIL = 128
"""Bytes at the end of a frame that contain its `sync`, and `set`, if there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The parts of a session that a recording contains."""

    output: bool = True
    mouse: bool = True
    touch: bool = True
    keys: bool = False
    clipboard: bool = False
    webp: bool = False
    """True if pictures may be WebP, which not every build of guacenc reads."""


class Recorder:
    """Writes the recording of one session to a sink.

    If the sink is slower than the session, at most `max_queue` bytes wait, and pictures are missing
    until all of them have been written; the whole picture follows.

    Args:
        session: records it from `start` until `close`.
        sink: where to; the recorder closes it.
        contents: what is recorded.
        index: the places of keyframes, if they are wanted.
        max_queue: bytes.
    """

    def __init__(
        self,
        session: Session,
        sink: Sink,
        contents: Contents,
        *,
        max_queue: int,
        index: Index | None = None,
    ) -> None:
        self._session = session
        self._sink = sink
        self._contents = contents
        self._index = index
        self.is_cut = False
        """Set if something could not be stored: how long the recording is, is then not known."""
        self._max_queue = max_queue
        self.on_behind: Callable[[], None] = _nothing
        """Called when something is missing, because the sink is too slow."""
        self._last_sync = 0
        self._size = 0
        """Bytes written."""
        self._stopped = False
        self._encoding: set[asyncio.Task[None]] = set()
        self._viewer = _RecorderViewer(self, webp=contents.webp)
        self._tap = _Tap(self, contents)
        self._keyframes = Keyframes(self._viewer.renew)
        sink.on_drained = self._drained

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._size

    def start(self) -> None:
        """Record from now on."""
        self._session.taps.append(self._tap)
        if self._contents.output:
            self._session.presentation.add_viewer(self._viewer)
        else:
            self._sync()

    def stop(self) -> None:
        """Record nothing more; the last time is noted, so that a recording is as long as its
        session. Repeated calls do nothing."""
        if self._stopped:
            return
        if self._size:
            self._sync()
        self._stopped = True
        self._keyframes.stop()
        self._session.presentation.remove_viewer(self._viewer)
        if self._tap in self._session.taps:
            self._session.taps.remove(self._tap)

    async def close(self) -> None:
        """Wait until everything has been stored; the recorder cannot be used afterwards.

        Raises:
            GuacrError: something could not be stored, and the sink has not reported it.
        """
        self.stop()
        if self._encoding:
            await asyncio.wait(self._encoding)
        is_whole = False
        try:
            await self._sink.close()
            is_whole = not self.is_cut
        finally:
            if self._index is not None:
                await self._index.close(self._last_sync, self._size if is_whole else None)
            vars(self).clear()  # what refers to it and to each other is freed at once

    # ---- the picture

    def add_frame(self, data: bytes, *, whole: bool) -> bool:
        """Add a frame with its `sync`; return False if there is no room for it."""
        if self._sink.buffered and self._sink.buffered + len(data) > self._max_queue:
            self.on_behind()
            return False
        data, timestamp = _without_settings(data)
        if whole:
            begin = _DISPOSALS.match(data)
            at = 0 if begin is None else begin.end()
            if self._index is not None:
                self._index.add(timestamp, self._size + at)
            data = b"".join((data[:at], KEYFRAME, data[at:]))
        self._last_sync = timestamp
        self._write(data)
        self._keyframes.frame(len(data), whole=whole)
        return True

    def _drained(self) -> None:
        if self._viewer.stale:
            self.wake()

    # ---- what people do

    def add_input(self, opcode: str, *args: str | int) -> None:
        """Add an instruction about input, which ends with its time."""
        now = self._session.frames.timestamp()
        self._add(encode(opcode, *args, now))
        if now - self._last_sync >= SYNC_EVERY:
            self._sync()

    def add_clipboard(self, contents: Mapping[str, bytes]) -> None:
        """Add a clipboard: a stream for each type."""
        for mimetype, data in contents.items():
            name = mimetype if mimetype.isascii() and mimetype.isprintable() else "text/plain"
            if len(data) <= LARGE:
                self._add(self._clipboard(name, data))
            else:
                task = asyncio.create_task(self._add_large(name, data), name="recorded clipboard")
                self._encoding.add(task)
                task.add_done_callback(self._encoding.discard)

    async def _add_large(self, mimetype: str, data: bytes) -> None:
        """Encode a clipboard on a thread; it is recorded even if the session ends meanwhile."""
        encoded = await compute(self._clipboard, mimetype, data)
        if self._sink.buffered + len(encoded) > self._max_queue + INPUT_RESERVE:
            self.on_behind()
            return
        sync = encode("sync", self._last_sync, 0) if self._last_sync else b""
        self._size += len(encoded) + len(sync)
        self._sink.write(encoded + sync)

    def _clipboard(self, mimetype: str, data: bytes) -> bytes:
        stream = self._session.display.streams.take()
        return encode_stream(encode("clipboard", stream, mimetype), stream, data)

    def _sync(self) -> None:
        self._last_sync = max(self._session.frames.timestamp(), self._last_sync, 1)
        self._add(encode("sync", self._last_sync, 0))

    def _add(self, data: bytes) -> None:
        limit = self._max_queue + INPUT_RESERVE
        if not self._sink.buffered or self._sink.buffered + len(data) <= limit:
            self._write(data)
        else:
            self.on_behind()

    def _write(self, data: bytes) -> None:
        if not self._stopped:
            self._size += len(data)
            self._sink.write(data)

    @property
    def waiting(self) -> int:
        """The bytes that the sink has not written yet."""
        return self._sink.buffered

    def wake(self) -> None:
        """Have the frames look at the viewer again."""
        self._session.frames.viewer_moved()


class _RecorderViewer(Viewer):
    """The viewer that a recorder adds to its session."""

    __slots__ = ("_is_behind", "_recorder", "_types")

    sets_pace = False
    wants_exact = True

    def __init__(self, recorder: Recorder, *, webp: bool) -> None:
        super().__init__()
        self._recorder = recorder
        self._is_behind = False
        """True if pictures are missing."""
        self._types = frozenset((PNG, JPEG, WEBP) if webp else (PNG, JPEG))

    @property
    @override
    def image_types(self) -> frozenset[str]:
        return self._types

    @property
    @override
    def buffered(self) -> int:
        """The bytes for which the whole picture waits after pictures were missing; otherwise 0,
        since a recording is never late."""
        return self._recorder.waiting if self._is_behind else 0

    @override
    def send(self, data: bytes) -> None:
        self.send_frame(data, whole=False)

    @override
    def send_frame(self, data: bytes, *, whole: bool) -> None:
        self._is_behind = not self._recorder.add_frame(data, whole=whole)
        if self._is_behind:
            self.stale = True

    def renew(self) -> None:
        """Ask for the whole picture."""
        self.stale = True
        self._recorder.wake()


class _Tap(InputTap):
    """Passes what users do to a recorder, as far as it is wanted."""

    def __init__(self, recorder: Recorder, contents: Contents) -> None:
        self._recorder = recorder
        self._contents = contents

    @override
    def key(self, user: User, keysym: int, pressed: bool) -> None:
        if self._contents.keys:
            self._recorder.add_input("key", keysym, pressed)

    @override
    def mouse(self, user: User, x: int, y: int, buttons: int) -> None:
        if self._contents.mouse:
            self._recorder.add_input("mouse", x, y, buttons)

    @override
    def touch(self, user: User, contact: Contact) -> None:
        if self._contents.touch:
            place = (contact.id, contact.x, contact.y, contact.radius_x, contact.radius_y)
            self._recorder.add_input("touch", *place, f"{contact.angle:g}", f"{contact.force:g}")

    @override
    def clipboard(self, contents: Mapping[str, bytes]) -> None:
        if self._contents.clipboard:
            self._recorder.add_clipboard(contents)


def _without_settings(frame: bytes) -> tuple[bytes, int]:
    """Return a frame without `set`, which concerns live clients, and its time. Both are at its end:
    the number of touches is the last part of a picture, and `sync` follows."""
    end = frame[-TAIL:]
    at = end.rindex(_SYNC)
    timestamp = int(end[at + len(_SYNC) :].split(b".", 1)[1].split(b",", 1)[0].rstrip(b";"))
    begin = end.find(_SET)
    if begin >= 0:
        frame = frame[: len(frame) - len(end) + begin] + end[at:]
    return frame, timestamp


def _nothing() -> None:
    """Do nothing by default."""
