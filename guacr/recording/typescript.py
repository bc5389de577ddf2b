"""Typescripts: what a terminal shows, with the times, for `scriptreplay`.

The format is that of guacd and script(1): a file with the text, and NAME.timing with a line for
each part of it: the seconds since the part before, and the bytes of the part.
"""

from __future__ import annotations

import asyncio

from typing_extensions import override

from guacr.recording.files import Place, RecordingFile, open_beside, open_file
from guacr.recording.sink import Sink
from guacr.session.text_taps import TextTap

HEADER, FOOTER = b"[BEGIN TYPESCRIPT]\n", b"\n[END TYPESCRIPT]\n"
"""The first line, which players skip, and the last."""
TIMING = ".timing"
DELAY_MAX = 86_400.0
"""Seconds between two parts, at most, as in guacd."""
PART_EVERY = 1 / 30
"""Seconds for which text is joined into one part."""
PART_MAX = 1 << 16
"""Bytes of a part from which it is complete."""


class TypescriptFiles:
    """The two files of a typescript, in the place of one: the first line of each part belongs to
    the timing."""

    def __init__(self, text: RecordingFile, timing: RecordingFile) -> None:
        self.path = text.path
        self.disk = text.disk
        self._text = text
        self._timing = timing

    def append(self, parts: list[bytes]) -> None:
        """Write parts; the text first, so that it has everything that the timing counts."""
        split = [part.partition(b"\n") for part in parts]
        self._text.append([text for _, _, text in split])
        self._timing.append([line + b"\n" for line, _, _ in split if line])

    def close(self) -> None:
        """Make everything durable, and release the files."""
        try:
            self._text.close()
        finally:
            self._timing.close()


def open_typescript(place: Place, *, min_free: int = 0) -> TypescriptFiles:
    """Open the files at a place; blocks, and raises, as `open_file` does."""
    text = open_file(place, min_free=min_free)
    try:
        timing = open_beside(place, text, TIMING)
    except BaseException:
        text.close()
        raise
    return TypescriptFiles(text, timing)


class Typescript(TextTap):
    """Writes what one terminal shows to a sink of `TypescriptFiles`, until `close`."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        self._text: list[bytes] = []
        self._waiting = 0
        self._last = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self.size = len(HEADER)
        """Bytes of the text so far."""
        self._stopped = False
        sink.write(b"\n" + HEADER)

    @override
    def shown(self, text: bytes) -> None:
        if self._stopped:
            return
        self._text.append(text)
        self._waiting += len(text)
        if self._waiting >= PART_MAX:
            self._finish_part()
        elif self._timer is None:
            self._timer = self._loop.call_later(PART_EVERY, self._finish_part)

    def stop(self) -> None:
        """Complete the typescript; repeated calls do nothing."""
        if not self._stopped:
            self._stopped = True
            self._finish_part()
            self._sink.write(b"\n" + FOOTER)
            self.size += len(FOOTER)

    async def close(self) -> None:
        """Wait until it has been stored; raises as `Sink.close` does."""
        self.stop()
        await self._sink.close()

    def _finish_part(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._text:
            return
        now = self._loop.time()
        delay, self._last = min(now - self._last, DELAY_MAX), now
        text, self._text, self._waiting = b"".join(self._text), [], 0
        self.size += len(text)
        self._sink.write(b"%.6f %d\n" % (delay, len(text)) + text)
