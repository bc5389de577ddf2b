"""`guacr audit` and `guacr recordings`."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import pyrage
import pytest

from guacr.cli.main import main
from guacr.journal.journal import Journal
from guacr.journal.options import AUDIT, RECORDING, options_of
from guacr.recording.journal_text import about_text, with_text
from guacr.settings import configuration
from guacr.settings.models import Settings
from tests.support.recordings import ttyrec_of

KEY = pyrage.x25519.Identity.generate()


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    monkeypatch.delenv(configuration.CONFIG_VARIABLE, raising=False)
    monkeypatch.setattr(configuration, "DEFAULT_PATH", tmp_path / "none.toml")
    monkeypatch.setenv("GUACR_JOURNAL__DIRECTORY", str(tmp_path / "journal"))
    monkeypatch.setenv("GUACR_JOURNAL__NODE", "node")
    monkeypatch.setenv("GUACR_JOURNAL__RECIPIENTS", str(KEY.to_public()))
    return configuration.load(None, None)


@pytest.fixture
def identity(tmp_path: Path) -> str:
    path = tmp_path / "identity"
    path.write_text(str(KEY))
    return str(path)


@pytest.fixture
def journal(settings: Settings) -> Iterator[Journal]:
    options = options_of(settings)
    assert options is not None
    journal = Journal(options)
    yield journal
    assert journal.close()


def write(journal: Journal, kind: str, *payloads: bytes, **about: str) -> None:
    stream, done = journal.open_stream(kind, about), threading.Semaphore(0)
    for payload in payloads:
        journal.append(stream, payload, on_durable=lambda _: done.release(), urgent=True)
    for _ in payloads:
        assert done.acquire(timeout=20)


def entry(session: str, **values: str) -> bytes:
    return json.dumps({"event": "x", "session": session, **values}).encode()


def archive(journal: Journal) -> None:
    assert journal.close()


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> list[str]:
    assert main([*arguments]) == status
    return capsys.readouterr().out.splitlines()


def test_entries_are_printed_before_and_after_they_are_archived(
    journal: Journal, capsys: pytest.CaptureFixture[str], identity: str
) -> None:
    entries = [entry("$1"), entry("$2", name='"session": "$1"'), entry("$1", n="last")]
    write(journal, AUDIT, *entries)
    lines = [one.decode() for one in entries]
    assert printed(capsys, "audit") == lines
    archive(journal)
    assert printed(capsys, "audit", "--identity", identity) == lines
    assert printed(capsys, "audit", "--identity", identity, "--session", "$1") == lines[::2]
    assert printed(capsys, "audit", "--identity", identity, "--session", "1") == lines[::2]
    assert main(["audit"]) == 1
    assert "--identity" in capsys.readouterr().err


def test_entries_before_a_time_are_left_out(
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    identity: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = options_of(settings)
    assert options is not None
    now = time.time_ns()
    for days in (3, 2, 1):
        then = now - days * 86_400 * 10**9
        with monkeypatch.context() as patch:
            patch.setattr(time, "gmtime", partial(time.gmtime, then / 1e9))
            patch.setattr(time, "time_ns", partial(int, then))
            journal = Journal(options)
            write(journal, AUDIT, entry(f"${days}"))
        if days > 1:
            archive(journal)
    every = ("audit", "--identity", identity)
    day = datetime.fromtimestamp(now / 1e9 - 1.5 * 86_400)  # noqa: DTZ006 - in the local zone
    for since, expected in (("60h", ["$2", "$1"]), ("10m", []), (day.isoformat(), ["$1"])):
        found = printed(capsys, *every, "--since", since)
        assert [json.loads(line)["session"] for line in found] == expected
    assert main([*every, "--since", "yesterday"]) == 2
    assert "is not a time" in capsys.readouterr().err
    archive(journal)


def test_entries_of_several_processes_are_merged(
    journal: Journal, settings: Settings, capsys: pytest.CaptureFixture[str], identity: str
) -> None:
    options = options_of(settings)
    assert options is not None
    other = Journal(options)
    entries = [entry(f"${number // 2 % 2}", n=str(number)) for number in range(8)]
    for number, one in enumerate(entries):
        write((journal, other)[number % 2], AUDIT, one)
    archive(other)
    lines = [one.decode() for one in entries]
    assert printed(capsys, "audit", "--identity", identity) == lines
    found = printed(capsys, "audit", "--identity", identity, "--session", "$0")
    assert found == [line for line in lines if '"$0"' in line]


def test_entries_are_followed(journal: Journal, identity: str) -> None:
    write(journal, AUDIT, entry("$1"))
    command = [sys.executable, "-m", "guacr", "audit", "--follow", "--identity", identity]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["session"] == "$1"
        write(journal, AUDIT, entry("$2"))
        assert json.loads(child.stdout.readline())["session"] == "$2"
        journal.rotate()
        write(journal, AUDIT, entry("$3"))
        assert json.loads(child.stdout.readline())["session"] == "$3"
        child.terminate()


def test_recordings_are_listed_and_saved(
    journal: Journal, capsys: pytest.CaptureFixture[str], identity: str, tmp_path: Path
) -> None:
    write(journal, RECORDING, b"4.size;", b"4.sync;", b"", name="one\x1b", session="$1")
    write(journal, RECORDING, b"other", name="two", session="$2")
    one, two = printed(capsys, "recordings", "list")
    assert one.endswith("  complete  one\\x1b  $1")
    assert two.endswith("  incomplete  two  $2")
    archive(journal)
    assert printed(capsys, "recordings", "list", "--identity", identity) == [one, two]
    for line, content, note in ((one, b"4.size;4.sync;", ""), (two, b"other", "; its end")):
        number = line.split()[0]
        target = tmp_path / f"{number}.guac"
        arguments = ("recordings", "save", number, str(target), "--identity", identity)
        (said,) = printed(capsys, *arguments)
        assert said.startswith(f"{target} has {len(content)} bytes{note}")
        assert target.read_bytes() == content
        assert target.stat().st_mode & 0o777 == 0o600
        assert main([*arguments]) == 2  # it is never overwritten
    assert main(["recordings", "save", "*.1", str(tmp_path / "x")]) == 1
    assert main(["recordings", "save", "none.1", str(tmp_path / "x"), "--identity", identity]) == 1
    assert not (tmp_path / "x").exists()
    assert main(["recordings", "save"]) == 2


def test_nothing_is_left_of_a_recording_on_a_full_disk(
    journal: Journal,
    capsys: pytest.CaptureFixture[str],
    identity: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    write(journal, RECORDING, b"4.size;", b"")
    archive(journal)
    (line,) = printed(capsys, "recordings", "list", "--identity", identity)

    def fail(*_args: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "utime", fail)
    target = tmp_path / "saved"
    save = ["recordings", "save", line.split()[0], str(target), "--identity", identity]
    assert main(save) == 2
    assert (
        capsys.readouterr().err == f"guacr: {target} cannot be written: No space left on device\n"
    )
    assert not target.exists()


def test_a_saved_recording_says_what_is_missing(
    journal: Journal,
    capsys: pytest.CaptureFixture[str],
    identity: str,
    settings: Settings,
    tmp_path: Path,
) -> None:
    stream, done = journal.open_stream(RECORDING, {}), threading.Semaphore(0)
    for payload in (b"4.size;", b"4.sync;", b"3.end;", b""):
        journal.append(stream, payload, on_durable=lambda _: done.release(), urgent=True)
        assert done.acquire(timeout=20)
        journal.rotate()
    archive(journal)
    directory = settings.journal.directory
    assert directory is not None
    second = sorted(directory.rglob("recording/files/*.seg"))[1]
    second.unlink()
    (line,) = printed(capsys, "recordings", "list", "--identity", identity)
    target = tmp_path / "saved"
    arguments = ("recordings", "save", line.split()[0], str(target), "--identity", identity)
    (said,) = printed(capsys, *arguments)
    assert said == f"{target} has 14 bytes; 1 of its records are missing, or damaged"


def test_text_is_saved_and_exported_with_its_recording(
    journal: Journal,
    capsys: pytest.CaptureFixture[str],
    identity: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = ttyrec_of((1, "\x1b[8;24;80t"), (2.5, "shown\r\n"))
    write(journal, RECORDING, text, b"", **about_text({"session": "$1"}))
    write(journal, RECORDING, b"4.sync,4.1000;", b"", **with_text({"session": "$1"}, 1))
    (line,) = printed(capsys, "recordings", "list")
    name = line.split()[0]
    monkeypatch.chdir(tmp_path)
    assert printed(capsys, "export", name, "--txt", "-o", "-") == ["[0:00:01] shown"]
    archive(journal)
    printed(capsys, "recordings", "save", name, "one", "--identity", identity)
    assert Path("one.ttyrec").read_bytes() == text
    printed(capsys, "export", "one", "--cast", "-o", "one.cast")
    header = json.loads(Path("one.cast").read_text().partition("\n")[0])
    assert time.time() - 600 < header["timestamp"] < Path("one").stat().st_ctime + 1
    assert Path("one").stat().st_mtime < Path("one").stat().st_ctime
    assert printed(capsys, "export", f"journal:{name}", "--txt", "--identity", identity) == []
    assert Path(f"{name}.txt").read_text() == "[0:00:01] shown\n"
    assert main(["export", name, "--txt", "-o", "-"]) == 1
    assert main(["export", "20261129T101500Z-3f9a2c.9", "--txt", "-o", "-"]) == 1
    assert not list(tmp_path.glob("*-3f9a2c*"))


def test_the_archive_is_verified(
    journal: Journal, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lines = printed(capsys, "recordings", "verify")
    assert lines == ["audit: the archive is empty", "recording: the archive is empty"]
    write(journal, AUDIT, entry("$1"))
    archive(journal)
    line, _ = printed(capsys, "recordings", "verify")
    assert line.startswith("audit: all files are in order, up to entry 1 ")
    head = line.split()[-1]
    printed(capsys, "recordings", "verify", "--head", head)
    *_, last = printed(capsys, "recordings", "verify", "--head", "0" * 64, status=1)
    assert "no entry has the hash" in last
    assert main(["recordings", "verify", "--head", "x"]) == 2
    (path,) = tmp_path.glob("journal/archive/node/audit/files/*")
    path.write_bytes(path.read_bytes()[:-1])
    line, _ = printed(capsys, "recordings", "verify", status=1)
    assert line == f"audit: {path.stem} was changed"


def test_without_a_journal_there_is_nothing_to_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GUACR_JOURNAL__RECIPIENTS")
    monkeypatch.setenv("GUACR_JOURNAL__DIRECTORY", "")
    for arguments in (["audit"], ["recordings", "list"], ["recordings", "verify"]):
        assert main(arguments) == 2
        assert "journal.directory" in capsys.readouterr().err


def test_identities_must_be_readable(
    journal: Journal, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["audit", "--identity", str(tmp_path / "none")]) == 2
    assert "none cannot be read" in capsys.readouterr().err
