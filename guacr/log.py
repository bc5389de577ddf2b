"""The log: lines on standard error, as text like guacd's or as JSON.

A record says what it belongs to by its `extra` (`FIELDS`), which a `ContextAdapter` adds. What else
is logged within a session's tasks, by libraries as well, gets the session's from `belonging_to`.
Nothing here knows of secrets: they never reach a record.

A line has at most `LINE_BYTES`, and is written by one system call, so that the lines of several
processes that share a pipe stay whole. Control characters are escaped, so that a peer's text cannot
forge a line. docs/logging.md is the reference.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextvars import Context, ContextVar, copy_context
from datetime import UTC, datetime
from io import UnsupportedOperation
from typing import TYPE_CHECKING, Any, TextIO

from typing_extensions import override

from guacr.log_writer import LineWriter, has_room
from guacr.showable import escaped, showable

if TYPE_CHECKING:
    from guacr.settings.models import LogSettings

SYSLOG = "/dev/log"
RETRY = 0.1
"""Seconds between two attempts to connect to the system log."""
TRACE = 5
"""Below DEBUG: only for debugging guacr itself."""
LINE_BYTES = 4096
"""Maximum bytes of a line, with its end: what Linux writes to a pipe at once (PIPE_BUF)."""
TRACEBACK_MAX = 32768
"""Maximum characters of a traceback; the middle of longer ones is left out."""
CONTEXT = ("session", "protocol", "subject")
"""The context of a text line, in square brackets: the session with its protocol, and the person for
whom a token was made. The message names users and clients."""
FIELDS: dict[str, type] = {
    "time": str,
    "level": str,
    "logger": str,
    "pid": int,
    "session": str,
    "user": str,
    "protocol": str,
    "subject": str,
    "client": str,
    "event": str,
    "message": str,
    "traceback": str,
    "part": int,
}
"""The fields of a JSON line and their types; all but time, level, logger, pid and message are left
out where they do not apply."""
EVENTS = ("accepted", "handshake", "refused", "opened", "joined", "left", "ended")
"""The values of `event`, in the order of a connection's life."""
VALUE_BYTES = 256
"""Maximum bytes of a field of the context, as JSON."""
LIBRARIES = ("acme", "aiohttp", "aioice", "asyncio", "asyncssh", "PIL")
"""Loggers that are too verbose; their messages appear at DEBUG and below."""

_EXTRAS = ("session", "user", "protocol", "subject", "client", "event")
_LEVELS = {
    "trace": TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_SEVERITIES = ((2, logging.CRITICAL), (3, logging.ERROR), (4, logging.WARNING), (6, logging.INFO))
"""Codes of severities (RFC 3164, section 4.1.1), and the lowest level of each."""
_DEBUG = 7
_DAEMON = 3 << 3
"""The facility."""
_NOTHING: Mapping[str, str] = {}
_current: ContextVar[Mapping[str, str]] = ContextVar("guacr.log", default=_NOTHING)


def belonging_to(about: Mapping[str, str]) -> Context:
    """Return a copy of the current context, for a task: what is logged in it gets the fields
    `about` unless it has its own."""
    context = copy_context()
    context.run(_current.set, about)
    return context


class ContextAdapter(logging.LoggerAdapter[logging.Logger]):
    """A logger whose records have fields of the context; a call's `extra` adds to them."""

    @override
    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs


class TextFormatter(logging.Formatter):
    """Lines like guacd's: `guacr[pid]: LEVEL: message`, with the context before the message. The
    lines of a traceback have the same beginning, and a bar."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        start = f"guacr[{record.process}]: {record.levelname}: "
        values = _context(record)
        context = "".join(f"[{values[name]}] " for name in CONTEXT if name in values)
        lines = [f"{start}{context}{_message(record)}"]
        lines += [f"{start}| {line}" for line in _traceback(record)]
        return "\n".join(_cut(line, LINE_BYTES - 1) for line in lines)


class JsonFormatter(logging.Formatter):
    """One JSON object per line. A long traceback continues in further objects, numbered by
    `part`."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
            **_context(record),
            "message": _message(record),
        }
        traceback = list(_traceback(record))
        line = _json(entry | ({"traceback": "\n".join(traceback)} if traceback else {}))
        return line if _fits(line) else "\n".join(_split(entry, traceback))


class LineHandler(logging.Handler):
    """Writes each line of a record by one system call."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.stream = stream
        self._is_cut = False
        """True if only the beginning of the last line could be written, as to a full disk."""
        self._writer = LineWriter(self._write, self._descriptor, self._missing)

    @override
    def emit(self, record: logging.LogRecord) -> None:
        for line in self._lines(record):
            self._writer.put(line)

    @override
    def flush(self) -> None:
        self._writer.flush()

    def _lines(self, record: logging.LogRecord) -> list[bytes]:
        lines = self.format(record).split("\n")
        return [f"{line}\n".encode(errors="backslashreplace") for line in lines]

    def _missing(self, lines: int) -> bytes:
        return Context().run(self._lines, _dropped(lines))[0]

    def _descriptor(self) -> int:
        try:
            return self.stream.fileno()
        except (UnsupportedOperation, ValueError):  # in tests, or it is closed
            return -1

    def _write(self, line: bytes) -> None:
        descriptor = self._descriptor()
        if descriptor < 0:
            self.stream.write(line.decode())
            return
        if self._is_cut:
            os.write(descriptor, b"\n")
            self._is_cut = False
        while line:  # of a regular file or a pipe, all at once
            line = line[os.write(descriptor, line) :]
            self._is_cut = bool(line)


class SyslogHandler(logging.Handler):
    """Sends each line of a record to the system log, once there is one. While there is none, lines
    are lost."""

    def __init__(self) -> None:
        super().__init__()
        self._socket: socket.socket | None = None
        self._next_attempt = 0.0
        self._writer = LineWriter(self._send, self._descriptor, self._missing)

    @override
    def emit(self, record: logging.LogRecord) -> None:
        for message in self._messages(record):
            self._writer.put(message)

    @override
    def flush(self) -> None:
        self._writer.flush()

    @override
    def close(self) -> None:
        self._disconnect()
        super().close()

    def _messages(self, record: logging.LogRecord) -> list[bytes]:
        """Return the messages of a record (RFC 3164, section 4.1.1)."""
        severity = next((code for code, level in _SEVERITIES if record.levelno >= level), _DEBUG)
        lines = self.format(record).split("\n")
        start = f"<{_DAEMON | severity}>"
        return [f"{start}{line}\0".encode(errors="backslashreplace") for line in lines]

    def _missing(self, lines: int) -> bytes:
        return Context().run(self._messages, _dropped(lines))[0]

    def _descriptor(self) -> int:
        try:
            return self._connected().fileno()
        except OSError:
            return -1

    def _send(self, message: bytes) -> None:
        try:
            self._connected().sendall(message)
        except OSError:  # the system log has been started anew
            self._disconnect()
            connected = self._connected()
            if not has_room(connected.fileno()):  # this may be the event loop's thread
                raise
            connected.sendall(message)

    def _connected(self) -> socket.socket:
        """Return the socket; connect it first, but not soon after an attempt that has failed.

        Raises:
            OSError: there is no system log.
        """
        if self._socket is None:
            now = time.monotonic()
            if now < self._next_attempt:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), SYSLOG)
            self._next_attempt = now + RETRY
            self._socket = _connect()
            self._next_attempt = 0.0
        return self._socket

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


_FORMATTERS: dict[str, type[logging.Formatter]] = {"text": TextFormatter, "json": JsonFormatter}


def configure(settings: LogSettings, *, to_syslog: bool = False) -> None:
    """Send the log of the process to standard error, or to the system log, according to `settings`.

    A later call replaces an earlier one. Without a system log, nothing is logged until there is
    one.
    """
    handler = _to_syslog() if to_syslog else _to_stderr()
    handler.setFormatter(_FORMATTERS[settings.format]())
    level = _LEVELS[settings.level]
    logging.addLevelName(TRACE, "TRACE")
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in LIBRARIES:
        quiet = level > logging.DEBUG
        logging.getLogger(name).setLevel(logging.WARNING if quiet else logging.NOTSET)
    logging.captureWarnings(True)


def collect_stray() -> None:
    """Log what Python would print on standard error itself: exceptions that nobody catches in
    threads, and those that cannot be raised, such as in destructors."""
    log = logging.getLogger("guacr.process")

    def in_thread(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread is not None else "a thread"
        if args.exc_value is not None:
            log.error("%s failed", name, exc_info=args.exc_value)

    def not_raised(args: sys.UnraisableHookArgs) -> None:
        log.error("%s", args.err_msg or "an exception was ignored", exc_info=args.exc_value)

    threading.excepthook = in_thread
    sys.unraisablehook = not_raised


def syslog_problem() -> str:
    """Return a sentence if there is no system log; empty otherwise."""
    try:
        _connect().close()
    except OSError as error:
        return (
            f"there is no system log at {SYSLOG} ({error.strerror}): nothing is logged until there "
            "is one"
        )
    return ""


def _to_syslog() -> SyslogHandler:
    """Return the present handler if it is one, since it knows which lines are lost."""
    present = logging.getLogger().handlers
    return next((one for one in present if isinstance(one, SyslogHandler)), None) or SyslogHandler()


def _to_stderr() -> LineHandler:
    """Return the present handler if it is one, since it knows which lines are lost."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LineHandler) and handler.stream is sys.stderr:
            return handler
    return LineHandler(sys.stderr)


def _connect() -> socket.socket:
    """Connect to the system log, which takes datagrams or, rarely, a stream, without waiting.

    Raises:
        OSError: there is none, or it has no room for another connection.
    """
    try:
        return _connect_by(socket.SOCK_DGRAM)
    except OSError as error:
        if error.errno != errno.EPROTOTYPE:
            raise
    return _connect_by(socket.SOCK_STREAM)


def _connect_by(kind: socket.SocketKind) -> socket.socket:
    found = socket.socket(socket.AF_UNIX, kind)
    try:
        found.setblocking(False)
        found.connect(SYSLOG)
        found.setblocking(True)
    except OSError:
        found.close()
        raise
    return found


def _dropped(lines: int) -> logging.LogRecord:
    """Return the record that stands in place of lines; it belongs to no session."""
    text = "lines dropped here because the log is read too slowly or cannot be written: %d"
    return logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, (lines,), None)


def _context(record: logging.LogRecord) -> dict[str, str]:
    current = _current.get()
    values = {name: getattr(record, name, None) or current.get(name) for name in _EXTRAS}
    return {
        name: _json_cut(showable(str(value)[:VALUE_BYTES], escaped), VALUE_BYTES)
        for name, value in values.items()
        if value
    }


def _message(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except Exception:  # noqa: BLE001 (a library's arguments that do not fit its message)
        text = str(record.msg)
    return showable(text[:LINE_BYTES], escaped)


def _traceback(record: logging.LogRecord) -> Iterator[str]:
    """Yield the lines of a record's traceback, if it has one."""
    if not record.exc_info or record.exc_info[1] is None:
        return
    text = logging.Formatter().formatException(record.exc_info)
    if len(text) > TRACEBACK_MAX:
        text = f"{text[: TRACEBACK_MAX // 4]}\n…\n{text[-TRACEBACK_MAX * 3 // 4 :]}"
    for line in text.splitlines():
        yield showable(line, escaped)


def _cut(text: str, room: int) -> str:
    """Shorten a text to `room` bytes."""
    data = text.encode(errors="backslashreplace")
    if len(data) <= room:
        return text
    return data[: room - len("…".encode())].decode(errors="ignore") + "…"


def _split(entry: dict[str, object], traceback: list[str]) -> Iterator[str]:
    """Yield an entry that is too long for one line, as JSON lines."""
    message = str(entry["message"])
    room = _room(entry | {"message": ""})
    entry["message"] = _json_cut(message, room // 3 if traceback else room)
    if not traceback:
        yield _json(entry)
        return
    room = _room(entry | {"traceback": "", "part": 999})
    for number, text in enumerate(_json_parts(traceback, room), 1):
        yield _json(entry | {"traceback": text, "part": number})


def _json(entry: Mapping[str, object]) -> str:
    return json.dumps(entry, ensure_ascii=False)


def _fits(line: str) -> bool:
    return len(line.encode()) < LINE_BYTES


def _room(entry: Mapping[str, object]) -> int:
    """Return the bytes that are left in the line of an entry."""
    return LINE_BYTES - 1 - len(_json(entry).encode())


def _json_size(text: str) -> int:
    """Return the bytes of a text within a JSON string."""
    return len(json.dumps(text, ensure_ascii=False).encode()) - 2


def _json_cut(text: str, room: int) -> str:
    """Shorten a text so that it has at most `room` bytes within a JSON string."""
    while (size := _json_size(text)) > room and len(text) > 1:
        text = text[: max(0, len(text) * room // size - 3)] + "…"
    return text


def _json_parts(lines: list[str], room: int) -> Iterator[str]:
    """Yield lines joined to texts that have at most `room` bytes within JSON strings."""
    text = ""
    for line in lines:
        longer = f"{text}\n{line}" if text else line
        if _json_size(longer) <= room:
            text = longer
            continue
        if text:
            yield text
        text = _json_cut(line, room)
    if text:
        yield text
