"""The text of terminals in a journal: a ttyrec in a stream of its own; the recording names it."""

from __future__ import annotations

from collections.abc import Mapping

from guacr.journal.reading import Key

_CONTENT, _TEXT = "content", "text"


def about_text(about: Mapping[str, str]) -> dict[str, str]:
    """Return what describes the stream with the text of a recording that `about` describes."""
    return {**about, _CONTENT: _TEXT}


def with_text(about: Mapping[str, str], stream: int) -> dict[str, str]:
    """Return what describes a recording whose text is in a stream of this number."""
    return {**about, _TEXT: str(stream)}


def is_text(about: Mapping[str, str]) -> bool:
    """Return whether a stream is the text of a recording."""
    return about.get(_CONTENT) == _TEXT


def text_of(recording: Key, about: Mapping[str, str]) -> Key | None:
    """Return the stream with the text of a recording, if there is one."""
    number = about.get(_TEXT, "")
    if not (number.isascii() and number.isdigit() and len(number) < 20):
        return None
    return Key(recording.epoch, int(number))
