"""Finds what is wrong with the directories of recordings before somebody is refused for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from guacr.settings.models import Connection, Settings


def problems(settings: Settings) -> Iterator[str]:
    """Yield why sessions could not be recorded in the directory of the settings; blocks."""
    if settings.recording.path is not None:
        for problem in _problems(settings.recording.path, creates=True):
            yield f"recording.path: {problem}"


def connection_problems(connection: Connection) -> Iterator[str]:
    """Yield why a configured connection could not be recorded; blocks."""
    for kind in ("recording", "typescript"):
        path = connection.parameters.get(f"{kind}-path", "")
        creates = connection.parameters.get(f"create-{kind}-path") == "true"
        if path and f"{kind}-path" not in connection.allow_query_parameters:
            for problem in _problems(Path(path), creates=creates):
                yield f"{kind}-path: {problem}"


def _problems(path: Path, *, creates: bool) -> Iterator[str]:
    place = path if path.exists() or not creates else path.parent
    if not path.is_absolute():
        yield f"{path} is not an absolute path"
    elif not place.is_dir():
        yield f"directory {place} does not exist"
    elif not os.access(place, os.W_OK | os.X_OK):
        yield f"this account may not write to directory {place}"
