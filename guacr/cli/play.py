"""`guacr play`: show a recording in the browser of this machine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

from guacr.errors import NotFoundError, SettingsError
from guacr.process.local_page import HOST, new_secret, present
from guacr.recording.library import Library
from guacr.settings.models import Settings, WebSocketSettings
from guacr.web.app import served_player


def play(file: Path, *, port: int, open_browser: bool) -> int:
    """Serve the page with one recording on `port` (0 for a free one) until Ctrl-C; return the exit
    status.

    Raises:
        SettingsError: the file is no recording, or the port cannot be used.
    """
    asyncio.run(present(_served(file, port), open_browser=open_browser))
    return 0


@asynccontextmanager
async def _served(file: Path, port: int) -> AsyncIterator[str]:
    file = await asyncio.to_thread(file.resolve)  # the library follows no links
    library = Library((file.parent,))
    try:
        os.close(os.open(file, os.O_RDONLY | os.O_NONBLOCK))
        os.close(library.open(file.name))
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}") from error
    except NotFoundError as error:
        raise SettingsError(f"{file} is not a recording") from error
    secret = new_secret()
    settings = Settings(websocket=WebSocketSettings(hosts=(HOST,), port=port))
    async with served_player(settings, library, file.name, secret) as chosen:
        yield f"http://{HOST}:{chosen}/?{urlencode({'secret': secret})}"
