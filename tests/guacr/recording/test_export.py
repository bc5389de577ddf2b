"""Recordings in other formats."""

from __future__ import annotations

import io
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from guacr.errors import BadRequestError, NotFoundError, UnsupportedError
from guacr.protocol.instruction import encode
from guacr.recording import video
from guacr.recording.export import export_cast, export_text
from guacr.recording.screen import Picture, Screen
from guacr.recording.video import ExportError, export_video, frames
from guacr.testing.canvas import Canvas
from tests.support.recordings import ttyrec_of
from tests.support.require import require

START = 1_764_412_800_000
SIZE = encode("size", 0, 63, 41)
BEGIN = START / 1000 - 0.2
TEXT = ttyrec_of(
    (BEGIN, "\x1b[8;24;80t"),
    (BEGIN + 1.2, "$ ls\r\n\x1b[1mfile\x1b[0m\r\n"),
    (BEGIN + 3661.2, "\x1b[8;43;132t"),
    (BEGIN + 3661.4, "late\r\n"),
)


def sync(time: int) -> bytes:
    return encode("sync", START + time)


def fill(*colour: int) -> bytes:
    return encode("rect", 0, 0, 0, 63, 41) + encode("cfill", 14, 0, *colour, 255)


def key(time: int, keysym: int) -> bytes:
    return encode("key", keysym, 1, START + time) + encode("key", keysym, 0, START + time)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    keys = key(500, ord("l")) + key(600, ord("s")) + key(900, 0xFF0D)
    frames = SIZE + fill(255, 0, 0) + sync(0) + keys + fill(0, 255, 0) + sync(1000)
    path = tmp_path / "session"
    path.write_bytes(frames + sync(2000) + fill(0, 0, 255) + sync(5000))
    path.with_name("session.ttyrec").write_bytes(TEXT)
    return path


def exported(function: object, path: Path) -> list[str]:
    target = io.StringIO()
    function(path, target)  # type: ignore[operator]
    return target.getvalue().splitlines()


def test_text_and_keys(recording: Path) -> None:
    assert exported(export_text, recording) == [
        "[0:00:00] > ls<Return>",
        "[0:00:01] $ ls",
        "[0:00:01] file",
        "[1:01:01] late",
    ]


def test_keys_alone(recording: Path) -> None:
    recording.with_name("session.ttyrec").unlink()
    assert exported(export_text, recording) == ["[0:00:00] > ls<Return>"]


def test_an_asciicast(recording: Path) -> None:
    header, *events = map(json.loads, exported(export_cast, recording))
    assert header == {"version": 2, "width": 80, "height": 24, "timestamp": START // 1000}
    assert events == [
        [1.2, "o", "$ ls\r\n\x1b[1mfile\x1b[0m\r\n"],
        [3661.2, "r", "132x43"],
        [3661.4, "o", "late\r\n"],
    ]


def test_an_asciicast_has_the_date_of_the_index(recording: Path) -> None:
    recording.with_name("session.idx").write_text(f'{{"version": 1, "started": {START + 700}}}\n')
    header, *_ = map(json.loads, exported(export_cast, recording))
    assert header["timestamp"] == START // 1000
    recording.write_bytes(recording.read_bytes().replace(b"17644128", b"00044128"))
    os.utime(recording, (BEGIN + 5, BEGIN + 5))
    for damage in ("", "[1]", '{"started": "soon"}', '{"started": null}', "{}", "{"):
        recording.with_name("session.idx").write_text(damage)
        header, *_ = map(json.loads, exported(export_cast, recording))
        assert header["timestamp"] == int(BEGIN), "the recording has 5 s"


def test_damaged_text(recording: Path) -> None:
    """What comes before the damage is written."""
    with recording.with_name("session.ttyrec").open("ab") as file:
        file.write(bytes(100))
    target = io.StringIO()
    with pytest.raises(BadRequestError, match=f"damaged after {len(TEXT)} bytes"):
        export_cast(recording, target)
    assert len(target.getvalue().splitlines()) == 4


@pytest.fixture
def typescript(tmp_path: Path) -> Path:
    path = tmp_path / "typescript"
    path.write_bytes("[BEGIN TYPESCRIPT]\n$ echo ü\r\nü\r\n\n[END TYPESCRIPT]\n".encode())
    path.with_name("typescript.timing").write_text("0.5 8\n0.25 7\n")
    return path


def test_a_typescript(typescript: Path) -> None:
    """Parts may end within a character."""
    header, *events = map(json.loads, exported(export_cast, typescript))
    assert header == {"version": 2, "width": 80, "height": 24}
    assert events == [[0.5, "o", "$ echo "], [0.75, "o", "ü\r\nü\r\n"]]
    assert exported(export_text, typescript) == ["[0:00:00] $ echo ü", "[0:00:00] ü"]


@pytest.mark.parametrize("timing", ["x 5\n", "0.5\n", "0.5 -1\n", "nan 5\n", "0.5 99999999999\n"])
def test_a_damaged_timing(typescript: Path, timing: str) -> None:
    typescript.with_name("typescript.timing").write_text(timing)
    with pytest.raises(BadRequestError, match=r"typescript\.timing is damaged"):
        exported(export_cast, typescript)


@pytest.mark.parametrize("function", [export_cast, export_text])
def test_without_text(tmp_path: Path, function: object) -> None:
    (tmp_path / "desktop").write_bytes(SIZE + fill(1, 2, 3) + sync(0))
    with pytest.raises(NotFoundError, match="desktop has no text"):
        exported(function, tmp_path / "desktop")


# ---- videos


def pictures(path: Path) -> Iterator[tuple[int, Picture]]:
    canvas = Canvas()
    screen = Screen(canvas, 64, 42)
    for time in frames(path, canvas):
        screen.update()
        yield time, screen.picture


def decoded(video: Path) -> NDArray[np.uint8]:
    """The frames of a video of 64x42, as ffmpeg reads them."""
    options = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    passed = subprocess.run(
        [require("ffmpeg"), "-v", "error", "-i", str(video), *options],
        capture_output=True,
        check=True,
    )
    return np.frombuffer(passed.stdout, np.uint8).reshape(-1, 42, 64, 3)


def probed(video: Path, entries: str) -> list[str]:
    """Values of a video, as ffprobe finds them."""
    passed = subprocess.run(
        [require("ffprobe"), "-v", "error", "-show_entries", entries, "-of", "csv=p=0", str(video)],
        capture_output=True,
        check=True,
        text=True,
    )
    return passed.stdout.split()


def test_pictures(recording: Path) -> None:
    found = [(time, tuple(picture[20, 30, :3])) for time, picture in pictures(recording)]
    assert found == [(0, (255, 0, 0)), (1000, (0, 255, 0)), (5000, (0, 0, 255))]


def test_pictures_are_no_closer_than_frames(tmp_path: Path) -> None:
    frames = b"".join(fill(time, 0, 0) + sync(time) for time in range(100))
    (tmp_path / "quick").write_bytes(SIZE + frames)
    times = [(time, int(picture[0, 0, 0])) for time, picture in pictures(tmp_path / "quick")]
    assert times == [(0, 0), (40, 40), (80, 80), (120, 99)]


def test_the_pointer(tmp_path: Path) -> None:
    cursor = (
        encode("size", -1, 4, 4)
        + encode("rect", -1, 0, 0, 4, 4)
        + encode("cfill", 14, -1, 9, 8, 7, 255)
        + encode("cursor", 1, 1, -1, 0, 0, 4, 4)
    )
    places = [(10, 20), (0, 0), (62, 40)]
    moves = [encode("mouse", x, y, 0, START) + sync(at * 50) for at, (x, y) in enumerate(places)]
    (tmp_path / "pointer").write_bytes(SIZE + fill(1, 2, 3) + cursor + b"".join(moves))
    found = [np.argwhere(picture[..., 0] == 9) for _, picture in pictures(tmp_path / "pointer")]
    assert [tuple(map(tuple, (dots.min(0), dots.max(0)))) for dots in found] == [
        ((19, 9), (22, 12)),
        ((0, 0), (2, 2)),
        ((39, 61), (40, 62)),
    ]


def test_a_video(recording: Path, tmp_path: Path) -> None:
    """Its pictures and their times, as ffmpeg reads them; sides are even."""
    require("ffmpeg")
    target = tmp_path / "session.mp4"
    export_video(recording, target)
    video_frames = decoded(target)
    assert len(video_frames) == 4, "the last picture is shown for a second"
    wanted = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    for picture, colour in zip(video_frames, wanted, strict=False):
        assert np.abs(picture[20, 30].astype(int) - colour).max() < 8
    assert sorted(map(float, probed(target, "packet=pts_time"))) == [0, 1, 5, 6]
    assert probed(target, "stream=pix_fmt,color_range,color_space") == ["yuv420p,tv,bt709"]


def test_every_picture_of_a_video_keeps_its_time(tmp_path: Path) -> None:
    """The first ones are far apart: no frame rate is guessed from them."""
    require("ffmpeg")
    moments = [*range(0, 9000, 150), *range(9000, 10000, 41)]
    drawn = b"".join(fill(at % 256, 0, 0) + sync(moment) for at, moment in enumerate(moments))
    (tmp_path / "unsteady").write_bytes(SIZE + drawn)
    target = tmp_path / "video.mp4"
    export_video(tmp_path / "unsteady", target)
    times = sorted(float(time) * 1000 for time in probed(target, "packet=pts_time"))
    assert times == pytest.approx([*moments, moments[-1] + 1000], abs=0.6)


def test_text_of_a_video_is_legible(tmp_path: Path) -> None:
    """Lines of a pixel keep most of their contrast, also where little changes late."""
    require("ffmpeg")
    lines = [encode("rect", 0, x, 0, 1, 20) for x in range(2, 60, 3)]
    late = [encode("rect", 0, x, 25, 1, 9) for x in range(11, 40, 3)]
    grey = encode("cfill", 14, 0, 200, 200, 200, 255)
    path = tmp_path / "text"
    path.write_bytes(
        SIZE + fill(0, 0, 0) + b"".join(lines) + grey + sync(0) + b"".join(late) + grey + sync(100)
    )
    export_video(path, tmp_path / "video.mp4")
    wanted = [picture[..., :3].astype(float) for _, picture in pictures(path)]
    for found, picture in zip(decoded(tmp_path / "video.mp4"), wanted, strict=False):
        assert np.mean((found - picture) ** 2) < 255**2 / 10**3, "30 dB"


def test_videos_without_the_program(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, "which", lambda _: None)
    with pytest.raises(UnsupportedError, match="need the program ffmpeg"):
        export_video(recording, tmp_path / "video.mp4")


def test_a_program_that_fails(recording: Path, tmp_path: Path) -> None:
    require("ffmpeg")
    with pytest.raises(ExportError, match=r"ffmpeg has failed: .*missing"):
        export_video(recording, tmp_path / "missing" / "video.mp4")


def test_a_program_that_says_a_lot_fails(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nyes lines | head -n 100000 >&2\ncat >/dev/null\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(video, "which", lambda _: str(program))
    with pytest.raises(ExportError, match="ffmpeg has failed: lines"):
        export_video(recording, tmp_path / "video.mp4")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(SIZE + b"x.sync;", "is damaged"), (b"", "has no picture"), (SIZE + b"5.paint;", "cannot be")],
)
def test_damage(tmp_path: Path, content: bytes, sentence: str) -> None:
    require("ffmpeg")
    (tmp_path / "damaged").write_bytes(content)
    with pytest.raises(ExportError, match=sentence):
        export_video(tmp_path / "damaged", tmp_path / "video.mp4")
