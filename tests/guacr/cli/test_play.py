"""`guacr play` and `guacr export`."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from guacr.cli.main import main
from guacr.cli.play import _found
from guacr.protocol.instruction import encode
from guacr.settings.models import Settings

RECORDING = (
    encode("size", 0, 640, 480)
    + encode("rect", 0, 0, 0, 1, 1)
    + encode("sync", 5)
    + encode("key", 97, 1, 6)
    + encode("sync", 1005)
)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "a session"
    path.write_bytes(RECORDING)
    (tmp_path / "other").write_bytes(RECORDING)
    return path


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A typescript."""
    path = tmp_path / "typescript"
    shown = "é €\r\n".encode()
    path.write_bytes(b"header\n" + shown)
    path.with_name("typescript.timing").write_text(f"0.5 {len(shown)}\n")
    return path


async def test_a_page_with_one_recording(recording: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "guacr", "play", "--no-browser", recording.name),
        cwd=recording.parent,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(50):
            found = None
            while found is None:
                line = await process.stdout.readline()
                assert line, "it printed no address"
                found = re.search(r"http://\S+", line.decode())
            await _look(URL(found[0]))
    finally:
        process.send_signal(signal.SIGINT)
        await process.communicate()
    assert process.returncode == 0


async def _look(address: URL) -> None:
    origin = address.origin()
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as visitor:
        async with visitor.get(origin / "api/recordings") as answer:
            assert answer.status == 403
        async with visitor.get(address, allow_redirects=False) as answer:
            assert answer.headers["Location"] == "/recordings#name=a+session"
        async with visitor.get(address) as answer:
            assert "<title>Recordings</title>" in await answer.text()
        async with visitor.get(origin / "api/recordings") as answer:
            assert [one["name"] for one in (await answer.json())["recordings"]] == ["a session"]
        async with visitor.get(origin / "api/recordings/a session/index") as answer:
            assert (await answer.json())["duration"] == 1000
        async with visitor.get(origin / "api/recordings/other/data") as answer:
            assert answer.status == 403
        for path in ("static/player.js", "vendor/guacamole-common.js"):
            async with visitor.get(origin / path) as answer:
                assert answer.status == 200


@pytest.mark.parametrize("command", ["play", "export"])
def test_files_that_are_not_there(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--no-browser"] if command == "play" else ["--txt"]
    assert main([command, str(tmp_path / "missing"), *arguments]) == 2
    assert "No such file" in capsys.readouterr().err


def test_files_that_are_no_recordings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "letter").write_text("Dear reader, …")
    assert main(["play", str(tmp_path / "letter"), "--no-browser"]) == 2
    assert "letter is not a recording" in capsys.readouterr().err


def test_text_is_printed(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(recording), "--txt", "-o", "-"]) == 0
    assert capsys.readouterr().out == "[0:00:00] > a\n"


def test_a_file_is_its_owners_and_is_not_replaced(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(recording), "--txt"]) == 0
    target = recording.with_name("a session.txt")
    assert target.read_text() == "[0:00:00] > a\n"
    assert target.stat().st_mode & 0o777 == 0o600
    target.write_text("mine")
    assert main(["export", str(recording), "--txt"]) == 2
    assert "File exists" in capsys.readouterr().err
    assert target.read_text() == "mine"


def test_nothing_is_left_of_an_export_that_fails(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = recording.with_name("text.cast")
    assert main(["export", str(recording), "--cast", "-o", str(target)]) == 1
    assert "a session has no text" in capsys.readouterr().err
    assert not target.exists()


@pytest.mark.parametrize("kind", ["--cast", "--txt"])
def test_nothing_is_left_on_a_full_disk(kind: str, text: Path) -> None:
    target = text.with_name("target")
    export = [sys.executable, "-m", "guacr", "export", str(text), kind, "-o", str(target)]
    limited = ["/bin/sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *export]
    done = subprocess.run(limited, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (2, f"guacr: {target}: File too large\n")
    assert not target.exists()


@pytest.mark.parametrize("kind", ["--cast", "--txt"])
def test_text_is_utf_8_in_every_locale(kind: str, text: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "guacr", "export", str(text), kind, "-o", "-"],
        check=False,
        capture_output=True,
        timeout=60,
        env=os.environ | {"PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert "é €".encode() in done.stdout


def test_a_link_to_a_recording(recording: Path) -> None:
    link = recording.with_name("link")
    link.symlink_to(recording)
    library, name = _found(Namespace(file=link), Settings)
    assert library.map(name).duration == 1000


def test_a_video_replaces_no_file(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = recording.with_name("a session.mp4")
    target.write_text("mine")
    assert main(["export", str(recording), "--mp4"]) == 2
    assert "File exists" in capsys.readouterr().err
    assert target.read_text() == "mine"


def test_nothing_is_left_of_a_video_that_fails(recording: Path) -> None:
    recording.write_bytes(b"x.sync;")
    assert main(["export", str(recording), "--mp4"]) == 1
    assert not recording.with_name("a session.mp4").exists()


def test_a_video_on_a_full_disk(
    recording: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = recording.with_name("bin")
    programs.mkdir()
    ffmpeg = programs / "ffmpeg"
    ffmpeg.write_text(
        "#!/bin/sh\nexec >&2\necho 'av_interleaved_write_frame(): No space left on device'\n"
        "echo 'Error initializing output stream 0:0 --'\nexit 1\n"
    )
    ffmpeg.chmod(0o700)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    assert main(["export", str(recording), "--mp4"]) == 2
    target = recording.with_name("a session.mp4")
    assert capsys.readouterr().err == f"guacr: {target}: No space left on device\n"
    assert not target.exists()


def test_a_video_is_not_printed(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(recording), "--mp4", "-o", "-"]) == 2
    assert "name a file with -o" in capsys.readouterr().err
