"""`guacr play`: show a recording in the browser of this machine."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

from guacr.cli.journal import decoding_of
from guacr.errors import NotFoundError, SettingsError
from guacr.journal.options import options_of
from guacr.process.local_page import HOST, new_secret, present
from guacr.recording.journal_library import PREFIX, JournalLibrary, is_in_journal
from guacr.recording.library import Library
from guacr.settings.models import Settings, WebSocketSettings
from guacr.web.app import served_player


def play(arguments: argparse.Namespace, load: Callable[[], Settings]) -> int:
    """Serve the page with one recording until Ctrl-C; return the exit status. `load` reads the
    settings, which only recordings in the journal need.

    Raises:
        SettingsError: the file is no recording, or the port cannot be used.
        GuacrError: the recording is in the journal, and cannot be read.
    """
    library, name = _found(arguments, load)
    try:
        page = _served(library, name, arguments.port)
        asyncio.run(present(page, open_browser=not arguments.no_browser))
    finally:
        library.close()
    return 0


def _found(arguments: argparse.Namespace, load: Callable[[], Settings]) -> tuple[Library, str]:
    """Return a library with the recording, and the name that it has there."""
    file: Path = arguments.file
    name = PREFIX + str(file).removeprefix(PREFIX)
    if is_in_journal(name) and not file.exists():
        options = options_of(load())
        if options is None:
            raise SettingsError("there is no journal: set journal.directory")
        library = Library((), JournalLibrary(options, decoding_of(arguments.identity)))
        os.close(library.open(name))
        return library, name
    file = file.resolve()  # the library follows no links
    library = Library((file.parent,))
    try:
        os.close(os.open(file, os.O_RDONLY | os.O_NONBLOCK))
        os.close(library.open(file.name))
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}") from error
    except NotFoundError as error:
        raise SettingsError(f"{file} is not a recording") from error
    return library, file.name


@asynccontextmanager
async def _served(library: Library, name: str, port: int) -> AsyncIterator[str]:
    secret = new_secret()
    settings = Settings(websocket=WebSocketSettings(hosts=(HOST,), port=port))
    async with served_player(settings, library, name, secret) as chosen:
        yield f"http://{HOST}:{chosen}/?{urlencode({'secret': secret})}"
