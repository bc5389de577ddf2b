import asyncio
import json
import logging
import os
import re
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from guacr import log
from guacr.settings.models import LogSettings
from guacr.showable import is_showable


@pytest.fixture
def logger() -> logging.Logger:
    return logging.getLogger("guacr.test")


def test_text_line(logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(LogSettings())
    logger.info("listening on %s", "::1")
    line = capsys.readouterr().err
    assert line.startswith("guacr[")
    assert line.endswith("]: INFO: listening on ::1\n")


def test_text_line_of_a_session(logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(LogSettings())
    adapter = log.ContextAdapter(logger, {"session": "$1", "protocol": "ssh", "subject": "ann"})
    adapter.warning("left", extra={"user": "@2", "event": "left", "client": "::1"})
    assert capsys.readouterr().err.endswith("]: WARNING: [$1] [ssh] [ann] left\n")


def test_json_line(logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(LogSettings(format="json"))
    logging.LoggerAdapter(logger, {"session": "$1"}).error("“x”\n%s", "y")
    entry = json.loads(capsys.readouterr().err)
    assert entry.pop("time").endswith("+00:00")
    assert entry.pop("pid") > 0
    assert entry == {
        "level": "error",
        "logger": "guacr.test",
        "session": "$1",
        "message": "“x”\\ny",
    }


@pytest.mark.parametrize("format_", ["text", "json"])
def test_traceback(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str], format_: str
) -> None:
    log.configure(LogSettings.model_validate({"format": format_}))
    try:
        raise ValueError("why")
    except ValueError:
        logger.exception("failed")
    assert "ValueError: why" in capsys.readouterr().err


@pytest.mark.parametrize("level", ["trace", "debug", "info", "warning", "error"])
def test_levels(logger: logging.Logger, capsys: pytest.CaptureFixture[str], level: str) -> None:
    log.configure(LogSettings.model_validate({"level": level}))
    numbers = (log.TRACE, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)
    for number in numbers:
        logger.log(number, "x")
    names = [line.split(": ")[1].lower() for line in capsys.readouterr().err.splitlines()]
    every = ["trace", "debug", "info", "warning", "error"]
    assert names == every[every.index(level) :]


def test_a_message_cannot_forge_a_line(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(LogSettings())
    logger.info("name %s", "a\nguacr[1]: ERROR: \x1b[31mforged")
    out = capsys.readouterr().err
    assert out.count("\n") == 1
    assert "\x1b" not in out
    assert "a\\nguacr[1]: ERROR: \\x1b[31mforged" in out


@pytest.mark.parametrize("extra", [0, 1])
@pytest.mark.parametrize("format_", ["text", "json"])
def test_a_long_message_is_cut(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str], format_: str, extra: int
) -> None:
    log.configure(LogSettings.model_validate({"format": format_}))
    logger.info("y")
    room = log.LINE_BYTES - len(capsys.readouterr().err) + 1
    logger.info("%s", "x" * (room + extra))
    out = capsys.readouterr().err
    assert len(out.encode()) <= log.LINE_BYTES
    assert ("x" * room in out) is (not extra)
    assert ("…" in out) is bool(extra)


# ---- the schema of JSON lines


def checked(out: str) -> list[dict[str, Any]]:
    """The entries of lines that obey the schema."""
    assert out.endswith("\n")
    return [checked_line(line) for line in out.split("\n")[:-1]]


def checked_line(line: str) -> dict[str, Any]:
    assert len(line.encode()) < log.LINE_BYTES
    entry: dict[str, Any] = json.loads(line)
    assert not {"time", "level", "logger", "pid", "message"} - set(entry)
    for name, value in entry.items():
        assert type(value) is log.FIELDS[name]
        assert value or name in ("message", "part")
        if isinstance(value, str) and name != "traceback":
            assert is_showable(value)
    assert all(is_showable(row) for row in entry.get("traceback", "").split("\n"))
    assert datetime.fromisoformat(entry["time"]).tzinfo is not None
    assert entry["level"] in (*get_args(LogSettings.model_fields["level"].annotation), "critical")
    assert entry.get("event", "ended") in log.EVENTS
    return entry


def fail(text: str, depth: int) -> None:
    if depth:
        fail(text, depth - 1)
    raise ValueError(text)


@given(
    text=st.text(st.characters(), max_size=6000),
    value=st.text(max_size=400),
    depth=st.none() | st.integers(0, 3),
)
@example(text="\x1b\u202e\n" * 1500, value="\ud800" * 300, depth=2)
@example(text="😀" * 3000, value="😀" * 300, depth=0)
@example(text='"' * 6000, value='"' * 400, depth=0)
def test_every_line_obeys_the_schema(text: str, value: str, depth: int | None) -> None:
    formatter, info = log.JsonFormatter(), None
    if depth is not None:
        try:
            fail(text, depth)
        except ValueError:
            info = sys.exc_info()
    record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "%s", (text,), info)
    vars(record).update(session=value, client=value, subject=value, event="refused")
    entries = checked(formatter.format(record) + "\n")
    assert ("traceback" in entries[0]) is (info is not None)
    for line in log.TextFormatter().format(record).split("\n"):
        assert line.startswith(f"guacr[{record.process}]: ERROR: ")
        assert len(line.encode()) < log.LINE_BYTES
        assert is_showable(line)


def test_a_long_traceback_continues_in_further_lines(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(LogSettings(format="json"))
    names = [f"error-{number}" for number in range(400)]
    try:
        fail("\n".join(names), 3)
    except ValueError:
        logger.exception("failed")
    entries = checked(capsys.readouterr().err)
    assert [entry["part"] for entry in entries] == [*range(1, len(entries) + 1)]
    assert len(entries) > 1
    assert {entry["message"] for entry in entries} == {"failed"}
    whole = "\n".join(entry["traceback"] for entry in entries)
    assert whole.startswith("Traceback (most recent call last):\n")
    assert whole.endswith("\n".join(names))


def test_the_middle_of_an_endless_traceback_is_left_out(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(LogSettings(format="json"))
    try:
        fail("x" * 100_000 + "\nend", 0)
    except ValueError:
        logger.exception("failed")
    entries = checked(capsys.readouterr().err)
    assert len(entries) < 20
    assert entries[-1]["traceback"].endswith("end")


def test_arguments_that_do_not_fit_their_message(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(LogSettings(format="json"))
    logger.info("%d files", "no")
    (entry,) = checked(capsys.readouterr().err)
    assert entry["message"] == "%d files"


async def test_lines_of_libraries_in_a_task_belong_to_its_session(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(LogSettings(format="json"))

    async def work() -> None:
        logger.info("a")
        logger.info("b", extra={"session": "$2"})

    context = log.belonging_to({"session": "$1", "protocol": "ssh", "subject": ""})
    await asyncio.create_task(work(), context=context)
    logger.info("c")
    entries = checked(capsys.readouterr().err)
    assert [entry.get("session") for entry in entries] == ["$1", "$2", None]
    assert entries[0]["protocol"] == "ssh"


PROCESS = """
import logging
from guacr import log
from guacr.settings.models import LogSettings
log.configure(LogSettings(format="json"))
for _ in range(100):
    logging.getLogger("x").info("y" * 8000)
"""


def test_lines_of_several_processes_stay_whole() -> None:
    read, write = os.pipe()
    command = [sys.executable, "-c", PROCESS]
    children = [subprocess.Popen(command, stderr=write) for _ in range(3)]
    os.close(write)
    with os.fdopen(read) as lines:
        entries = checked(lines.read())
    assert [child.wait() for child in children] == [0, 0, 0]
    assert len(entries) == 300


def test_what_nobody_catches_is_logged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(threading, "excepthook", None)
    monkeypatch.setattr(sys, "unraisablehook", None)
    log.configure(LogSettings(format="json"))
    log.collect_stray()
    thread = threading.Thread(target=fail, args=("in a thread", 0), name="worker")
    thread.start()
    thread.join()

    class Broken:
        def __del__(self) -> None:
            raise ValueError("in a destructor")

    Broken()
    one, other = checked(capsys.readouterr().err)
    assert one["message"] == "worker failed"
    assert one["traceback"].endswith("ValueError: in a thread")
    assert other["traceback"].endswith("ValueError: in a destructor")


def test_the_fields_are_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "logging.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (text|number) \|", text, re.MULTILINE)
    names = {str: "text", int: "number"}
    assert rows == [(name, names[kind]) for name, kind in log.FIELDS.items()]
    assert re.findall(r"^\| `(\w+)` \| `\w+` \|", text, re.MULTILINE) == list(log.EVENTS)


def test_libraries_are_quiet_unless_debugging(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(LogSettings())
    logging.getLogger("asyncssh.channel").info("x")
    assert capsys.readouterr().err == ""
    log.configure(LogSettings(level="debug"))
    logging.getLogger("asyncssh.channel").info("x")
    assert capsys.readouterr().err.endswith("INFO: x\n")


def test_each_line_is_a_message_of_the_system_log(
    logger: logging.Logger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(log, "SYSLOG", str(tmp_path / "log"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as received:
        received.bind(log.SYSLOG)
        log.configure(LogSettings(), to_syslog=True)
        try:
            fail("why", 0)
        except ValueError:
            logger.exception("failed")
        (handler,) = logging.getLogger().handlers
        handler.close()
        received.settimeout(5)
        messages = [received.recv(4096)]
        while b"ValueError: why" not in messages[-1]:
            messages.append(received.recv(4096))
    assert all(b"\n" not in message for message in messages)
    assert messages[0].startswith(b"<27>guacr[")  # daemon, error
    assert b"ERROR: failed" in messages[0]


def test_a_system_log_that_is_started_anew(
    logger: logging.Logger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(log, "SYSLOG", str(tmp_path / "log"))
    monkeypatch.setattr(log, "RETRY", 0.0)
    for text in ("before", "after"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as received:
            received.bind(log.SYSLOG)
            received.settimeout(5)
            if text == "before":
                log.configure(LogSettings(level="trace"), to_syslog=True)
            logger.log(log.TRACE, text)
            if text == "after":
                assert received.recv(4096).endswith(b": 1\0"), "the number of lost lines"
            assert received.recv(4096).startswith(b"<31>guacr[")  # daemon, debug
        Path(log.SYSLOG).unlink()
        logger.info("to nobody")
    logging.getLogger().handlers[0].close()


def test_a_system_log_that_takes_a_stream(
    logger: logging.Logger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(log, "SYSLOG", str(tmp_path / "log"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(log.SYSLOG)
        listener.listen()
        log.configure(LogSettings(), to_syslog=True)
        logger.info("x")
        with listener.accept()[0] as received:
            received.settimeout(5)
            assert received.recv(4096).endswith(b": INFO: x\0")
        logging.getLogger().handlers[0].close()


def test_a_machine_without_a_system_log(
    logger: logging.Logger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log, "SYSLOG", "/nonexistent/log")
    log.configure(LogSettings(), to_syslog=True)
    logger.error("x")
    assert capsys.readouterr().err == ""
    problem = (
        f"there is no system log at {log.SYSLOG} (No such file or directory): nothing is logged"
    )
    assert log.syslog_problem().startswith(problem)
    logging.getLogger().handlers[0].close()


@pytest.mark.parametrize("is_reloaded", [False, True])
@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_system_log_that_is_started_later(
    logger: logging.Logger,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    kind: socket.SocketKind,
    *,
    is_reloaded: bool,
) -> None:
    monkeypatch.setattr(log, "SYSLOG", str(tmp_path / "log"))
    monkeypatch.setattr(log, "RETRY", 0.0)
    log.configure(LogSettings(), to_syslog=True)
    for number in range(3):
        logger.info("lost %d", number)
    if is_reloaded:
        log.configure(LogSettings(), to_syslog=True)
    with socket.socket(socket.AF_UNIX, kind) as received:
        received.bind(log.SYSLOG)
        if kind == socket.SOCK_STREAM:
            received.listen()
        assert log.syslog_problem() == ""
        logger.info("x")
        logging.getLogger().handlers[0].close()
        if kind == socket.SOCK_STREAM:
            received.accept()[0].close()  # of syslog_problem
            with received.accept()[0] as stream:
                messages = stream.makefile("rb").read()
        else:
            messages = received.recv(4096) + received.recv(4096)
    count, line = messages.decode().removesuffix("\0").split("\0")
    assert "WARNING: lines dropped here" in count
    assert count.endswith(": 3")
    assert line.endswith(": INFO: x")


def test_a_system_log_is_not_looked_for_with_every_line(
    logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect() -> socket.socket:
        attempts.append(None)
        raise FileNotFoundError

    attempts: list[None] = []
    monkeypatch.setattr(log, "_connect", connect)
    monkeypatch.setattr(log, "RETRY", 3600.0)
    log.configure(LogSettings(), to_syslog=True)
    for _ in range(3):
        logger.info("x")
    assert len(attempts) == 1


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_system_log_that_is_started_later_and_busy(
    logger: logging.Logger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: int
) -> None:
    monkeypatch.setattr(log, "SYSLOG", str(tmp_path / "log"))
    monkeypatch.setattr(log, "RETRY", 0.0)
    log.configure(LogSettings(), to_syslog=True)
    logger.info("lost")
    with socket.socket(socket.AF_UNIX, kind) as received, ExitStack() as others:
        received.bind(log.SYSLOG)
        if kind == socket.SOCK_STREAM:
            received.listen(0)
        with suppress(BlockingIOError):
            while True:
                other = others.enter_context(socket.socket(socket.AF_UNIX, kind))
                other.setblocking(False)
                other.connect(log.SYSLOG)
                if kind == socket.SOCK_DGRAM:
                    while True:
                        other.send(b"x")
        logger.info("does not wait")
        handler = logging.getLogger().handlers[0]
    handler.flush()
    handler.close()
