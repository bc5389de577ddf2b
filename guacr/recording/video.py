"""Exports the picture of a recording as a video, through the program ffmpeg.

ffmpeg is a process of its own, so that its licence and its codecs are those of the machine. It is
sent Matroska with uncompressed pictures, which have times: where nothing moves, there is no frame.
Only what has changed since the last picture is drawn and converted.
"""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from errno import ENOSPC
from pathlib import Path
from shutil import which
from tempfile import TemporaryFile
from typing import IO

import numpy as np
from numpy.typing import NDArray

from guacr.errors import GuacrError, UnsupportedError
from guacr.recording.screen import Screen
from guacr.recording.yuv import Planes
from guacr.testing.canvas import Canvas
from guacr.testing.wire import Received, Splitter, WireError

FRAME_EVERY = 40
"""Milliseconds between two frames of the video, at least."""
LAST_FRAME = 1000
"""Milliseconds for which the last picture is shown."""
SIDE_MAX = 8192
"""Maximum width and height of a video."""
PART = 1 << 18
"""Bytes that are read at a time."""
ERRORS_READ = 4096
"""Bytes of what ffmpeg says that are read, from the end."""
HEAD_SIZE = 9
"""Bytes of the head of an element whose name has one."""
NO_SPACE = os.strerror(ENOSPC)
PIPE_SIZE = 1 << 20
"""Bytes that wait for ffmpeg, if the system allows it."""
BT_709, LIMITED = 1, 1
"""Colours of the video, in Matroska's numbers."""
UNSEEN = frozenset({"key", "touch"})
"""Opcodes that only recordings contain, and that change nothing that is seen."""
TO_FFMPEG = (
    "-hide_banner",
    "-loglevel",
    "error",
    "-nostdin",
    "-y",
    "-f",
    "matroska",
    *("-thread_queue_size", "4"),  # it reads ahead so many pictures
    "-i",
    "pipe:",
)
TO_MP4 = (
    *("-an", "-fps_mode", "vfr", "-enc_time_base", "1:1000"),
    *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"),
    *("-crf", "26", "-pix_fmt", "yuv420p"),
    *("-movflags", "+faststart", "-f", "mp4"),
)


class ExportError(GuacrError):
    """A video cannot be made."""


def export_video(recording: Path, target: Path) -> None:
    """Write the picture of a recording as MP4. Its size is the largest of the session.

    Raises:
        UnsupportedError: ffmpeg is not installed.
        ExportError: the recording is damaged, or ffmpeg has failed.
        OSError: the disk is full.
    """
    program = which("ffmpeg")
    if program is None:
        raise UnsupportedError("videos need the program ffmpeg: install it, then try again")
    width, height = _largest(recording)
    command = [program, *TO_FFMPEG, *TO_MP4, str(target)]
    with (
        TemporaryFile() as errors,  # a pipe could become full
        subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stderr=errors, pipesize=PIPE_SIZE
        ) as process,
    ):
        assert process.stdin is not None  # noqa: S101
        try:
            _write(recording, process.stdin, width, height)
            process.stdin.close()
        except BrokenPipeError:  # its reason follows
            with suppress(BrokenPipeError):  # what is left to be written
                process.stdin.close()
        except BaseException:
            process.kill()
            raise
        process.wait()
        errors.seek(max(0, errors.seek(0, os.SEEK_END) - ERRORS_READ))
        reason = errors.read().decode(errors="replace").strip().splitlines()
    if process.returncode:
        if any(line.endswith(NO_SPACE) for line in reason):  # what the last line is about
            raise OSError(ENOSPC, NO_SPACE, str(target))
        raise ExportError(f"ffmpeg has failed: {reason[-1] if reason else process.returncode}")


def _write(recording: Path, target: IO[bytes], width: int, height: int) -> None:
    writer = MatroskaWriter(target, width, height)
    canvas = Canvas()
    screen, planes = Screen(canvas, width, height), Planes(width, height)
    time = 0
    for time in frames(recording, canvas):
        areas = screen.update()
        for area in areas:
            planes.update(screen.picture, area)
        if areas:
            writer.add(time, planes.data)
    writer.add(time + LAST_FRAME, planes.data)


def frames(recording: Path, canvas: Canvas) -> Iterator[int]:
    """Paint a recording on a canvas, and yield the milliseconds since the first picture whenever
    another one is to be shown.

    Raises:
        ExportError: the recording is damaged.
    """
    start: int | None = None
    due = 0
    changed = False
    for received in _instructions(recording):
        if received.opcode in UNSEEN:
            continue
        try:
            canvas.apply(received)
        except WireError as error:
            raise ExportError(f"the recording cannot be shown: {error}") from error
        if received.opcode != "sync":
            changed = True
            continue
        start = canvas.timestamp if start is None else start
        time = canvas.timestamp - start
        if changed and time >= due and 0 not in canvas.size:
            yield time
            due, changed = time + FRAME_EVERY, False
    if changed and start is not None and 0 not in canvas.size:
        yield max(canvas.timestamp - start, due)


def _instructions(recording: Path) -> Iterator[Received]:
    splitter = Splitter()
    with recording.open("rb") as file:
        while data := file.read(PART):
            try:
                yield from splitter.feed(data)
            except WireError as error:
                raise ExportError(f"the recording is damaged: {error}") from error


def _largest(recording: Path) -> tuple[int, int]:
    """Return the width and height of the video: the largest of layer 0, but even."""
    sizes = [
        (int(received.args[1]), int(received.args[2]))
        for received in _instructions(recording)
        if received.opcode == "size" and received.args[0] == "0"
    ]
    if not sizes:
        raise ExportError("the recording has no picture")
    width, height = (max(lengths) for lengths in zip(*sizes, strict=True))
    return _even(width), _even(height)


def _even(side: int) -> int:
    """Return a side that H.264 can have."""
    return min(side + side % 2, SIDE_MAX) or 2


class MatroskaWriter:
    """Writes Matroska (RFC 9559) with one track of uncompressed pictures, which are planes, as a
    stream: the size of the segment is unknown."""

    def __init__(self, target: IO[bytes], width: int, height: int) -> None:
        self._target = target
        colour = (
            _integer(b"\x55\xb1", BT_709)  # MatrixCoefficients
            + _integer(b"\x55\xb9", LIMITED)  # Range
            + _integer(b"\x55\xba", BT_709)  # TransferCharacteristics
            + _integer(b"\x55\xbb", BT_709)  # Primaries
        )
        video = (
            _integer(b"\xb0", width)
            + _integer(b"\xba", height)
            + _element(b"\x2e\xb5\x24", b"I420")  # ColourSpace
            + _element(b"\x55\xb0", colour)
        )
        track = (
            _integer(b"\xd7", 1)  # TrackNumber
            + _integer(b"\x73\xc5", 1)  # TrackUID
            + _integer(b"\x83", 1)  # TrackType: video
            + _integer(b"\x23\xe3\x83", FRAME_EVERY * 1_000_000)  # DefaultDuration; else guessed
            + _element(b"\x86", b"V_UNCOMPRESSED")
            + _element(b"\xe0", video)
        )
        target.write(
            _element(b"\x1a\x45\xdf\xa3", _element(b"\x42\x82", b"matroska"))
            + b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"  # Segment
            + _element(b"\x15\x49\xa9\x66", _integer(b"\x2a\xd7\xb1", 1_000_000))  # milliseconds
            + _element(b"\x16\x54\xae\x6b", _element(b"\xae", track))
        )

    def add(self, time: int, picture: NDArray[np.uint8]) -> None:
        """Write a picture that is shown from `time` on, in milliseconds."""
        block = b"\x81\x00\x00\x80"  # track 1, at the time of the cluster, a keyframe
        at = _integer(b"\xe7", time)
        size = len(block) + picture.nbytes
        self._target.write(
            _head(b"\x1f\x43\xb6\x75", len(at) + HEAD_SIZE + size)  # Cluster
            + at
            + _head(b"\xa3", size)  # SimpleBlock
            + block
        )
        self._target.write(picture.data)


def _element(name: bytes, data: bytes) -> bytes:
    return _head(name, len(data)) + data


def _head(name: bytes, size: int) -> bytes:
    """Return the head of an element of EBML (RFC 8794), with eight bytes for the size."""
    return name + struct.pack(">Q", 1 << 56 | size)


def _integer(name: bytes, value: int) -> bytes:
    return _element(name, value.to_bytes(8, "big"))
