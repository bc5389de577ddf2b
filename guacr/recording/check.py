"""Finds what is wrong with the directories of recordings before somebody is refused for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from guacr.errors import shorten
from guacr.recording.files import NEW_NAMES, SUFFIX_MAX
from guacr.recording.names import KNOWN, before_tokens, is_new_each_time, unknown
from guacr.settings.models import Connection, Settings


def problems(settings: Settings) -> Iterator[str]:
    """Yield why sessions could not be recorded in the directory of the settings; blocks."""
    if settings.recording.path is not None:
        for problem in _problems(settings.recording.path, creates=True):
            yield f"recording.path: {problem}"


def connection_problems(connection: Connection) -> Iterator[str]:
    """Yield why a configured connection could not be recorded; blocks."""
    for kind, path in _paths(connection):
        creates = connection.parameters.get(f"create-{kind}-path") == "true"
        known = before_tokens(path)
        if known == path or known == path.rpartition("/")[0]:
            problems = _problems(Path(path), creates=creates)
        else:  # whether the last levels exist is not known before there is a session
            problems = _problems(Path(known), creates=False, is_written=False)
        for problem in problems:
            yield f"{kind}-path: {problem}"


def connection_remarks(connection: Connection) -> Iterator[str]:
    """Yield what may surprise about the names of a configured connection's recordings."""
    for kind, path in _paths(connection):
        parameter = f"{kind}-name"
        name = connection.parameters.get(parameter, "")
        for key, text in ((f"{kind}-path", path), (parameter, name)):
            for token in unknown(text):
                known = ", ".join(f"${{{one}}}" for one in KNOWN)
                yield f"{key}: {token} is not replaced; known are {known}"
        is_open = parameter in connection.allow_query_parameters
        replaces = connection.parameters.get(f"{kind}-write-existing") == "true"
        if name and not (replaces or is_open or is_new_each_time(f"{path}/{name}")):
            yield (
                f"{parameter}: sessions are refused once {name} and its numbers up to {SUFFIX_MAX} "
                f"exist: {NEW_NAMES}"
            )


def _paths(connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield recording and typescript, with their directories that nobody else can set."""
    for kind in ("recording", "typescript"):
        path = connection.parameters.get(f"{kind}-path", "")
        if path and f"{kind}-path" not in connection.allow_query_parameters:
            yield kind, path


def _problems(path: Path, *, creates: bool, is_written: bool = True) -> Iterator[str]:
    try:
        yield from _found(path, creates=creates, is_written=is_written)
    except OSError as error:  # such as a name that is too long
        yield f"{shorten(str(path))} cannot be used: {error.strerror}"


def _found(path: Path, *, creates: bool, is_written: bool) -> Iterator[str]:
    place = path if path.exists() or not creates else path.parent
    if not path.is_absolute():
        yield f"{path} is not an absolute path"
    elif not place.is_dir():
        yield f"directory {place} does not exist"
    elif is_written and not os.access(place, os.W_OK | os.X_OK):
        yield f"this account may not write to directory {place}"
