"""The commands for operators of a running daemon: sessions, kill, drain, reload and others."""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from guacr.errors import GuacrError, NotFoundError, SettingsError
from guacr.showable import cut, escaped, showable

if TYPE_CHECKING:
    from guacr.control.client import ControlClient
    from guacr.control.info import Reloaded, SessionInfo
    from guacr.settings.models import Settings

TOKEN_VARIABLE = "GUACR_CONTROL_TOKEN"  # noqa: S105 - the name of a variable
CELL_MAX = 40
"""Maximum characters of a cell in a table."""
POLL = 1.0
"""Seconds between two looks at a daemon that is draining."""
RELOAD_POLL = 0.5
"""Seconds between two looks at a daemon that reads its settings again."""
NAMES_MAX = 20
"""Maximum names of changed settings in a line."""
Load = Callable[[], "Settings"]
"""Reads the settings."""
_HEADER = ("ID", "PROTOCOL", "HOST", "USERNAME", "PERSON", "CLIENT", "USERS", "AGE", "IN", "OUT")
_TOKEN = re.compile(r"[!-~]*")
_LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (asked, not bound)


def add_place_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say which daemon is meant."""
    parser.add_argument(
        "--socket", type=Path, metavar="PATH", help="Unix socket (default: control.unix_socket)"
    )
    parser.add_argument(
        "--url",
        default="",
        metavar="URL",
        help="https://HOST:4824 instead of a socket; http:// only for this machine",
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help=f"file with an operator's token, for --url (default: {TOKEN_VARIABLE})",
    )
    parser.add_argument("--ca", type=Path, metavar="FILE", help="CA certificates to trust, PEM")
    parser.add_argument(
        "--client-certificate", type=Path, metavar="FILE", help="certificate with its key, PEM"
    )


def add_sessions_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `guacr sessions`."""
    parser.add_argument("search", nargs="?", default="", help="text that sessions must contain")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    add_place_arguments(parser)


def add_kill_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `guacr kill`."""
    parser.add_argument(
        "ids", nargs="+", metavar="ID", help="id of a session, or its beginning; $ may be omitted"
    )
    parser.add_argument("--message", default="", metavar="TEXT", help="what its users are told")
    add_place_arguments(parser)


def add_drain_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `guacr drain`."""
    parser.add_argument("--undo", action="store_true", help="open sessions again")
    parser.add_argument("--wait", action="store_true", help="wait until the last session has ended")
    add_place_arguments(parser)


def add_watch_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `guacr watch`."""
    parser.add_argument("id", metavar="ID", help="id of a session, or its beginning")
    parser.add_argument(
        "--page", default="", metavar="URL", help="address of guacr's page (default: the settings')"
    )
    add_place_arguments(parser)


def client_of(arguments: argparse.Namespace, load: Load) -> ControlClient:
    """Return the client for the arguments. Only if they do not say where the daemon answers, the
    settings are read: this account may not be allowed to.

    Raises:
        SettingsError: neither says where the daemon answers.
    """
    from guacr.control.client import ControlClient, Place

    url, path = arguments.url, arguments.socket
    if not url and path is None:
        settings = load()
        path = settings.control.unix_socket
        url = "" if path is not None else _url(settings)
    return ControlClient(
        Place(
            unix_socket=None if url else path,
            url=url,
            token=_token(arguments.token_file) if url else "",
            ca=arguments.ca,
            certificate=arguments.client_certificate,
        )
    )


def sessions(arguments: argparse.Namespace, load: Load) -> Iterator[str]:
    """Yield the lines of `guacr sessions`."""
    from guacr.control.info import plain

    search = {"search": arguments.search} if arguments.search else {}
    found = client_of(arguments, load).sessions(**search)
    if arguments.json:
        yield from (json.dumps(plain(session)) for session in found)
    else:
        now = time.time()
        yield from table([_HEADER, *(_cells(session, now) for session in found)])


def kill(arguments: argparse.Namespace, load: Load) -> Iterator[str]:
    """End the sessions of `guacr kill`; yield a line for each."""
    client = client_of(arguments, load)
    chosen = dict.fromkeys(client.find(text).id for text in arguments.ids)  # all, or none
    for session_id in chosen:
        with suppress(NotFoundError):  # it has ended meanwhile
            client.end(session_id, arguments.message)
        yield f"{session_id} has ended"


def drain(arguments: argparse.Namespace, load: Load) -> Iterator[str]:
    """Drain the daemon, or undo it; yield lines about the sessions that are left."""
    client = client_of(arguments, load)
    if arguments.undo:
        client.resume()
        yield "sessions are opened again"
        return
    client.drain()
    left = -1
    while True:
        before, left = left, sum(worker.sessions for worker in client.status().workers)
        if left != before:
            yield f"no more sessions are opened; still running: {left}"
        if not left or not arguments.wait:
            return
        time.sleep(POLL)


def watch(arguments: argparse.Namespace, load: Load) -> Iterator[str]:
    """Yield the link to watch the session of `guacr watch`."""
    client = client_of(arguments, load)
    base = arguments.page or _page(load())
    link = client.watch(client.find(arguments.id).id)
    yield f"{base.rstrip('/')}{link['path']}"


def reload(arguments: argparse.Namespace, load: Load) -> Iterator[str]:
    """Have the settings read again; yield lines about the progress and the result."""
    client = client_of(arguments, load)
    work: Future[Reloaded] = Future()
    Thread(target=_reload_into, args=(work, client), daemon=True).start()  # Ctrl+C does not wait
    said = ""
    while not wait([work], RELOAD_POLL).done:
        with suppress(GuacrError):  # the request itself says what is wrong
            activity = client.status().activity
            if activity not in ("", said):
                said = activity
                yield f"{said} …"
    result = work.result()
    changed = _listed(result.changed)
    yield (
        f"the settings were reloaded: {changed} changed"
        if changed
        else ("the settings were reloaded: nothing has changed")
    )
    for name in result.need_restart:
        yield f"{name} has changed: it takes effect with the next start"
    for warning in result.warnings:
        yield f"warning: {showable(warning, escaped)}"


def _reload_into(work: Future[Reloaded], client: ControlClient) -> None:
    try:
        work.set_result(client.reload())
    except BaseException as error:  # noqa: BLE001 - raised where the result is awaited
        work.set_exception(error)


def _listed(names: Sequence[str]) -> str:
    rest = [f"{len(names) - NAMES_MAX} more"] if len(names) > NAMES_MAX else []
    return showable(", ".join([*names[:NAMES_MAX], *rest]), escaped)


def events(arguments: argparse.Namespace, load: Load) -> Iterator[str]:
    """Yield the events of `guacr events`, one JSON object per line."""
    for event in client_of(arguments, load).events():
        yield json.dumps(event)


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield lines with aligned columns; peers' texts control no terminal."""
    shown = [[_shown(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _cells(session: SessionInfo, now: float) -> Sequence[str]:
    return (
        session.id,
        session.protocol,
        session.host or "-",
        session.username or "-",
        session.subject or "-",
        session.client or "-",
        str(len(session.users)),
        duration(now - session.since),
        amount(session.received),
        amount(session.sent),
    )


def _shown(text: str) -> str:
    return cut(showable(text, escaped), CELL_MAX)


def duration(seconds: float) -> str:
    """Return a duration such as 42s, 3m, 5h or 2d."""
    seconds = max(0.0, seconds)
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"


def amount(size: float) -> str:
    """Return an amount of bytes such as 812B, 3.4K or 1.2G."""
    for unit in ("B", "K", "M", "G"):
        if size < 1000:
            return f"{size:.0f}{unit}" if unit == "B" or size >= 100 else f"{size:.1f}{unit}"
        size /= 1024
    return f"{size:.1f}T"


def _page(settings: Settings) -> str:
    page = settings.websocket
    return _address(page.hosts, page.port, page.tls_certificate)


def _url(settings: Settings) -> str:
    control = settings.control
    if not control.http:
        raise SettingsError(
            "the settings have no control interface: set control.unix_socket, or give --socket or "
            "--url"
        )
    return _address(control.hosts, control.port, control.tls_certificate)


def _address(hosts: Sequence[str], port: int, certificate: Path | None) -> str:
    """Return the URL of a listener of this machine."""
    from guacr.addresses import place

    host = _LOOPBACK_OF.get(hosts[0], hosts[0]) if hosts else "127.0.0.1"
    return f"{'http' if certificate is None else 'https'}://{place(host, port)}"


def _token(path: Path | None) -> str:
    """Return the token in a file, or else in the environment.

    Raises:
        SettingsError: it cannot be one; the sentence does not contain it.
    """
    try:
        text = os.environ.get(TOKEN_VARIABLE, "") if path is None else path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read as text") from error
    token = text.strip()
    if not _TOKEN.fullmatch(token):
        raise SettingsError(f"{path or TOKEN_VARIABLE} does not contain a token")
    return token
