r"""guacd's configuration file, `guacd.conf`, read as settings of guacr.

    [section]
    name = value            # comment
    name = "quoted value"   with \" and \\ as escapes

The format and names are those of guacd 1.6 (guacd.conf(5)): an unknown section or name is an error.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from guacr.errors import SettingsError, shorten

FILE_MAX = 1 << 20
"""Maximum bytes of a guacd.conf."""
LOG_LEVELS = ("error", "warning", "info", "debug", "trace")

_SECTION = re.compile(r"\[\s*(?P<section>[A-Za-z0-9_]+)\s*\]\s*(?:#.*)?")
_PARAMETER = re.compile(
    r"""(?P<name>[A-Za-z0-9_]+) \s* = \s*
        (?: "(?P<quoted>(?:[^"\\]|\\.)*)" | (?P<plain>[^"\s\#]+) )
        \s* (?:\#.*)?""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)")


def _level(value: str) -> str:
    if value not in LOG_LEVELS:
        raise ValueError("must be one of " + ", ".join(LOG_LEVELS))
    return value


def _hosts(value: str) -> list[str]:
    return [value]


_NAMES: dict[tuple[str, str], tuple[str, str, Callable[[str], Any]]] = {
    ("server", "bind_host"): ("server", "hosts", _hosts),
    ("server", "bind_port"): ("server", "port", str),
    ("daemon", "pid_file"): ("daemon", "pid_file", str),
    ("daemon", "log_level"): ("log", "level", _level),
    ("ssl", "server_certificate"): ("server", "tls_certificate", str),
    ("ssl", "server_key"): ("server", "tls_key", str),
}
"""guacd's section and name → guacr's section, key and type."""


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Read the settings in the file at `path`.

    Raises:
        SettingsError: the file cannot be read, or is not a guacd.conf; one line says where and why.
    """
    try:
        with path.open("rb") as file:
            text = file.read(FILE_MAX).decode()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8") from error
    return parse(text, str(path))


def parse(text: str, name: str = "guacd.conf") -> dict[str, dict[str, Any]]:
    """Parse the settings in `text`; `name` is the name of the file, for errors.

    Raises:
        SettingsError: a line is malformed, or its name is unknown to guacd.
    """
    settings: dict[str, dict[str, Any]] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        try:
            if match := _SECTION.fullmatch(stripped):
                section = match["section"]
            else:
                _take(settings, section, stripped)
        except ValueError as error:
            raise SettingsError(f"{name}, line {number}: {error}") from None
    return settings


def _take(settings: dict[str, dict[str, Any]], section: str, line: str) -> None:
    """Add the parameter on `line` to `settings`."""
    match = _PARAMETER.fullmatch(line)
    if match is None:
        raise ValueError(f"{shorten(line)} is neither a [section] nor a name = value")
    if not section:
        raise ValueError(f"{match['name']} is before the first [section]")
    known = _NAMES.get((section, match["name"]))
    if known is None:
        names = ", ".join(f"[{section}] {name}" for section, name in _NAMES)
        raise ValueError(f"[{section}] {match['name']} is unknown; guacd.conf has {names}")
    quoted = match["quoted"]
    value = match["plain"] if quoted is None else _ESCAPE.sub(r"\1", quoted)
    target, key, convert = known
    try:
        settings.setdefault(target, {})[key] = convert(value)
    except ValueError as error:
        raise ValueError(f"{match['name']} {error}, not {shorten(value)}") from None
