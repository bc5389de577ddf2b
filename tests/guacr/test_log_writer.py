"""Lines whose reader is slow, stands still or has gone."""

from __future__ import annotations

import logging
import os
import pty
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from guacr import log, log_writer
from guacr.settings.models import LogSettings
from tests.support.limited_disk import limited_disk
from tests.support.waiting import until

CHUNK = 65536
LINE = f"{'x' * 80} %d"
BACKLOG_BYTES = 100_000


@pytest.fixture
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "BACKLOG_BYTES", BACKLOG_BYTES)


@contextmanager
def logging_to(descriptor: int) -> Iterator[logging.Logger]:
    """A logger whose lines go to a descriptor, which is closed in the end."""
    logger = logging.getLogger("test_log_writer")
    logger.propagate, logger.level = False, logging.INFO
    with os.fdopen(descriptor, "w") as stream:
        handler = log.LineHandler(stream)
        handler.setFormatter(log.TextFormatter())
        logger.addHandler(handler)
        yield logger
        logger.removeHandler(handler)


def writers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "log"]


def numbers(text: str) -> list[int]:
    """The numbers at the end of the lines."""
    return [int(line.rsplit(" ", 1)[1]) for line in text.splitlines()]


def read_until(descriptor: int, end: str) -> str:
    data = b""
    while end.encode() not in data:
        data += os.read(descriptor, CHUNK)
    return data.decode()


async def test_a_pipe_that_is_read_late() -> None:
    read, write = os.pipe()
    with logging_to(write) as logger:
        for number in range(5000):
            logger.info(LINE, number)
        assert len(writers()) == 1
        assert numbers(read_until(read, " 4999\n")) == [*range(5000)]
        await until(lambda: not writers(), "the thread ends")
        logger.info("directly %d", 5000)
        assert read_until(read, "\n").endswith(" directly 5000\n")
        assert not writers()
    os.close(read)


@pytest.mark.usefixtures("little_room")
async def test_what_is_beyond_the_backlog_is_counted_in_its_place() -> None:
    read, write = os.pipe()
    with logging_to(write) as logger:
        count = 4 * BACKLOG_BYTES // 80
        for number in range(count):
            logger.info(LINE, number)
        data, next_number, missed = b"", 0, 0
        while next_number < count:
            data += os.read(read, CHUNK)
            *lines, data = data.split(b"\n")
            for line in lines:
                if missing := re.search(rb"WARNING: lines dropped here .*: (\d+)$", line):
                    missed += int(missing[1])
                    next_number += int(missing[1])
                else:
                    assert int(line.rsplit(b" ", 1)[1]) == next_number
                    next_number += 1
        assert next_number == count
        assert missed > count // 2
        await until(lambda: not writers(), "the thread ends")
    os.close(read)


def test_the_count_belongs_to_no_session() -> None:
    read, write = os.pipe()
    with logging_to(write) as logger:
        (handler,) = [one for one in logger.handlers if isinstance(one, log.LineHandler)]
        context = log.belonging_to({"session": "$1", "protocol": "ssh", "subject": ""})
        context.run(logger.info, "of a session")
        assert "[$1]" in read_until(read, "\n")
        assert b"WARNING: lines dropped here" in context.run(handler._missing, 3)
    os.close(read)


async def test_a_reader_that_goes() -> None:
    read, write = os.pipe()
    with logging_to(write) as logger:
        for number in range(5000):
            logger.info(LINE, number)
        os.close(read)
        await until(lambda: not writers(), "the thread ends")
        logger.info("to nobody")
        assert not writers()


def test_a_line_after_a_full_disk_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with logging_to(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)) as logger:
        logger.info("before")
        with limited_disk(path.stat().st_size + 20):
            logger.info("incomplete " * 9)
            logger.info("lost")
        logger.info("after")
        logger.info("later")
    begin, cut, count, after, later = path.read_text().splitlines()
    assert begin.endswith(": INFO: before")
    assert len(cut) == 20
    assert re.search(r"WARNING: lines dropped here .*: 2$", count)
    assert after.endswith(": INFO: after")
    assert later.endswith(": INFO: later")


def test_a_full_disk_with_room_for_the_line_end_only(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with logging_to(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)) as logger:
        with limited_disk(20):
            logger.info("incomplete " * 9)
        for size in (21, 21):
            with limited_disk(size):
                logger.info("lost")
        logger.info("after")
    cut, count, after = path.read_text().splitlines()
    assert len(cut) == 20
    assert count.endswith(": 3")
    assert after.endswith(": INFO: after")


async def test_lines_that_a_thread_cannot_write_are_counted(tmp_path: Path) -> None:
    def write(line: bytes) -> None:
        if is_broken:
            raise OSError
        written.append(line)

    written: list[bytes] = []
    is_broken = True
    read, end = os.pipe()
    os.set_blocking(end, False)
    with suppress(BlockingIOError):
        while True:
            os.write(end, bytes(CHUNK))
    writer = log_writer.LineWriter(write, lambda: end, lambda lines: b"lost %d" % lines)
    for _ in range(3):
        writer.put(b"x")
        await until(lambda: not writers(), "the thread ends")
    is_broken = False
    writer.put(b"after")
    await until(lambda: not writers(), "the thread ends")
    assert written == [b"lost 3", b"after"]
    os.close(read)
    os.close(end)


async def test_a_terminal_that_is_stopped() -> None:
    terminal, end = pty.openpty()
    with logging_to(end) as logger:
        logger.info("before")
        assert "before\r\n" in read_until(terminal, "\n")
        os.write(terminal, b"\x13")  # Ctrl+S
        for number in range(100):
            logger.info("n %d", number)
        assert writers()
        os.write(terminal, b"\x11")  # Ctrl+Q
        assert numbers(read_until(terminal, "n 99\r\n")) == [*range(100)]
        await until(lambda: not writers(), "the thread ends")
    os.close(terminal)


async def test_a_system_log_that_is_busy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(log, "SYSLOG", str(tmp_path / "log"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as received:
        received.bind(log.SYSLOG)
        received.settimeout(20)
        log.configure(LogSettings(), to_syslog=True)
        for number in range(2000):
            logging.getLogger("guacr.test").info("n %d", number)
        messages = [received.recv(4096).decode() for _ in range(2000)]
        await until(lambda: not writers(), "the thread ends")
        logging.getLogger().handlers[0].close()
    assert [int(message.strip("\0").rsplit(" ", 1)[1]) for message in messages] == [*range(2000)]
    assert {message.split("guacr")[0] for message in messages} == {"<30>"}  # daemon, info


CHILD = """
import logging, os
from guacr import log, log_writer
from guacr.settings.models import LogSettings
log_writer.FLUSH_TIMEOUT = 60
log.configure(LogSettings())
logger = logging.getLogger("x")
for number in range(2000):
    logger.info("x" * 80 + " %d", number)
child = os.fork()
logger.info("after %d", 2000 if child else 2001)
if child:
    os.waitpid(child, 0)
"""


def test_lines_that_wait_are_written_before_the_end_and_by_one_process() -> None:
    read, write = os.pipe()
    with subprocess.Popen([sys.executable, "-c", CHILD], stderr=write) as process:
        os.close(write)
        with os.fdopen(read) as lines:
            written = numbers(lines.read())
        assert process.wait() == 0
    assert sorted(written) == [*range(2002)]
    assert [number for number in written if number != 2001] == [*range(2001)]
