"""Sends the events of a keyboard to a worker."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from guacr.api import BadRequestError, shorten
from handlers.rdp import keyboard
from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.messages import Locks, PauseKey, Scancode, UnicodeKey

SCROLL, NUM, CAPS, KANA = 1, 2, 4, 8
"""Flags of lock keys (MS-RDPBCGR 2.2.8.1.1.3.1.1.5 and 2.2.8.2.1)."""
SUGGESTED = 5
"""Names in an error."""


class KeySender(keyboard.KeySink):
    """Turns the events of a `Keyboard` into messages.

    Args:
        post: sends a message to the worker.
        note_unicode: called once, before the first character that the layout lacks.
    """

    def __init__(
        self, post: Callable[[Message], None], note_unicode: Callable[[], None] | None = None
    ) -> None:
        self._post = post
        self._note_unicode = note_unicode

    def scancode(self, code: int, *, extended: bool, pressed: bool) -> None:
        """Press or release a key."""
        self._post(Scancode(code, extended, pressed))

    def unicode(self, unit: int, *, pressed: bool) -> None:
        """Press or release the key of a UTF-16 code unit."""
        note, self._note_unicode = self._note_unicode, None
        if note is not None:
            note()
        self._post(UnicodeKey(unit, pressed))

    def locks(self, *, scroll: bool, num: bool, caps: bool, kana: bool) -> None:
        """Set the lock keys."""
        flags = SCROLL * scroll | NUM * num | CAPS * caps | KANA * kana
        self._post(Locks(flags))

    def pause(self) -> None:
        """Press and release Pause."""
        self._post(PauseKey())


def locks_of(flags: int) -> keyboard.Locks:
    """Return the lock keys that a server reports."""
    return keyboard.Locks(
        scroll=bool(flags & SCROLL),
        num=bool(flags & NUM),
        caps=bool(flags & CAPS),
        kana=bool(flags & KANA),
    )


@lru_cache(maxsize=8)
def layout_of(name: str) -> keyboard.Layout:
    """Return the keyboard layout with a name, which may be read from a file.

    Raises:
        BadRequestError: the name is unknown.
    """
    try:
        return keyboard.layout_named(name.strip().lower())
    except KeyError:
        language = name.strip().lower().partition("-")[0]
        known = [each for each in keyboard.layout_names() if each.startswith(f"{language}-")]
        some = ", ".join(known[:SUGGESTED]) or "en-us-qwerty, de-de-qwertz, failsafe"
        raise BadRequestError(
            f"parameter server-layout names the unknown layout {shorten(name)}: use {some}, or "
            "another layout of Windows"
        ) from None
