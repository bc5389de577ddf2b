"""Files and sockets of the daemon's machine that a connection may open."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from guacr.api import DatabaseSettings, ForbiddenError, Origin
from handlers.database.params import DatabaseParams, SqliteParams
from handlers.database.sqlite.sample import SAMPLE

NO_FILES = frozenset({"", SAMPLE})
"""SQLite databases that are not files."""


def check(params: DatabaseParams, origin: Origin, allowed: DatabaseSettings) -> None:
    """Refuse places that a client may not name, without revealing what exists. An operator may name
    any.

    Raises:
        ForbiddenError: the settings do not list the place.
    """
    if isinstance(params, SqliteParams):
        _check_file(params, origin, allowed)
        return
    if "hostname" in origin.trusted:
        return
    for host in params.hostname.split(","):  # libpq accepts several
        if _is_socket(host) and not _lies_in(host, allowed.unix_sockets):
            raise ForbiddenError(
                "parameter hostname names a Unix socket of the daemon's machine that clients may "
                "not use: list it in databases.unix_sockets, or name a host"
            )


def has_socket(params: DatabaseParams) -> bool:
    """Return whether a connection uses a Unix socket instead of the network."""
    is_file = isinstance(params, SqliteParams)
    return not is_file and any(map(_is_socket, params.hostname.split(",")))


def _is_socket(host: str) -> bool:
    return host.strip().startswith(("/", "@"))


def _check_file(params: SqliteParams, origin: Origin, allowed: DatabaseSettings) -> None:
    if params.database in NO_FILES or "database" in origin.trusted:
        return
    if not _lies_in(params.database, allowed.directories):
        raise ForbiddenError(
            "parameter database names a file of the daemon's machine that clients may not use: "
            "list its directory in databases.directories, or configure a connection"
        )


def _lies_in(text: str, places: Iterable[Path]) -> bool:
    """Return whether a path is one of `places` or inside one, with symbolic links resolved."""
    path = Path(text)
    if not path.is_absolute():
        return False
    try:
        real = path.resolve()
        return any(real.is_relative_to(place.resolve()) for place in places)
    except (OSError, RuntimeError, ValueError):  # a symbolic link loop; a null character
        return False
