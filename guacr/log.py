"""The log: lines on standard error, as text like guacd's or as JSON, with session and user.

A record says which session it belongs to by its `extra`: `session` and `user`, which a
`LoggerAdapter` adds. Nothing here knows of secrets: they never reach a record.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from logging.handlers import SysLogHandler
from pathlib import Path
from typing import TYPE_CHECKING

from guacr.showable import escaped, showable

if TYPE_CHECKING:
    from guacr.settings.models import LogSettings

SYSLOG = "/dev/log"
TRACE = 5
"""Below DEBUG: only for debugging guacr itself."""
LINE_MAX = 16384
"""Maximum characters of a message; longer ones are cut."""
CONTEXT = ("session", "user", "protocol")
"""Attributes of a record that identify its session and user."""
LIBRARIES = ("aiohttp", "aioice", "asyncio", "asyncssh", "PIL")
"""Loggers that are too verbose; their messages appear at DEBUG and below."""

_LEVELS = {
    "trace": TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class TextFormatter(logging.Formatter):
    """Lines like guacd's: `guacr[pid]: LEVEL: message`, with the session before the message.

    Control characters are escaped, so that a peer's text cannot forge a line.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Format a line, and the lines of a traceback if there is one."""
        context = "".join(f"[{value}] " for value in _context(record).values())
        line = f"guacr[{record.process}]: {record.levelname}: {context}{_message(record)}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, pid, message, session and user."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a line."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
            **_context(record),
            "message": _message(record),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


_FORMATTERS: dict[str, type[logging.Formatter]] = {"text": TextFormatter, "json": JsonFormatter}


def configure(settings: LogSettings, *, to_syslog: bool = False) -> None:
    """Send the log of the process to standard error, or to the system log, according to `settings`.

    A later call replaces an earlier one. Without a system log, nothing is logged.
    """
    handler = _syslog() if to_syslog else logging.StreamHandler(sys.stderr)
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


def _syslog() -> logging.Handler:
    if not Path(SYSLOG).exists():
        return logging.NullHandler()
    return SysLogHandler(SYSLOG, SysLogHandler.LOG_DAEMON)


def _context(record: logging.LogRecord) -> dict[str, str]:
    values = {name: getattr(record, name, None) for name in CONTEXT}
    return {name: str(value) for name, value in values.items() if value}


def _message(record: logging.LogRecord) -> str:
    text = record.getMessage()
    if len(text) > LINE_MAX:
        text = text[:LINE_MAX] + "…"
    return showable(text, escaped)
