"""Observers of the users' input that do not take part, such as recordings."""

from __future__ import annotations

from collections.abc import Mapping

from guacr.session.input.touch import Contact
from guacr.session.user import User


class InputTap:
    """Sees the input that reaches a session's handler. Its methods are called on the event loop
    before the handler's, and must be quick; those that are not overridden do nothing."""

    def key(self, user: User, keysym: int, pressed: bool) -> None:
        """Handle a key that went down or up; `keysym` is an X11 keysym."""

    def mouse(self, user: User, x: int, y: int, buttons: int) -> None:
        """Handle the pointer at (x, y) pixels of layer 0; `buttons` as for a handler."""

    def touch(self, user: User, contact: Contact) -> None:
        """Handle a finger that touched layer 0, moved on it or was lifted."""

    def clipboard(self, contents: Mapping[str, bytes]) -> None:
        """Handle a clipboard, by type, which a user has sent or the host."""
