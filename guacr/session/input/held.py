"""Keys, buttons and contacts that a user holds down, to be released when the user no longer can."""

from __future__ import annotations

from guacr.session.input.touch import CONTACTS_MAX, Contact

KEYS_MAX = 64
"""Maximum keys that count as held; no person has as many fingers."""


class HeldInput:
    """The keys, buttons and contacts of one user that are down, according to its instructions."""

    __slots__ = ("_contacts", "_keys", "_pointer")

    def __init__(self) -> None:
        self._keys: dict[int, None] = {}
        self._pointer = (0, 0, 0)
        self._contacts: dict[int, Contact] = {}

    @property
    def keys(self) -> tuple[int, ...]:
        """The keys that are down, first pressed first."""
        return tuple(self._keys)

    def key(self, keysym: int, pressed: bool) -> int | None:
        """Note a key that went down or up. If too many are down, forget the one that was pressed
        first, and return it: it has to be released now."""
        if not pressed:
            self._keys.pop(keysym, None)
            return None
        self._keys[keysym] = None
        if len(self._keys) <= KEYS_MAX:
            return None
        first = next(iter(self._keys))
        del self._keys[first]
        return first

    def mouse(self, x: int, y: int, buttons: int) -> None:
        """Note the pointer at (x, y) and its pressed buttons."""
        self._pointer = (x, y, buttons)

    def touch(self, contact: Contact) -> bool:
        """Note a contact, and return whether it counts. It does not if there are already
        `CONTACTS_MAX` others, or if an unknown one is lifted."""
        known = contact.id in self._contacts
        if contact.lifted:
            self._contacts.pop(contact.id, None)
            return known
        if not known and len(self._contacts) >= CONTACTS_MAX:
            return False
        self._contacts[contact.id] = contact
        return True

    def take_contacts(self) -> list[Contact]:
        """Return the contacts as lifted, and forget them."""
        contacts = [contact.as_lifted() for contact in self._contacts.values()]
        self._contacts.clear()
        return contacts

    def take_keys(self) -> list[int]:
        """Return the held keys, last pressed first, and forget them."""
        keys = list(reversed(self._keys))
        self._keys.clear()
        return keys

    def take_pointer(self) -> tuple[int, int] | None:
        """Return the pointer's position if a button is down, and forget the buttons."""
        x, y, buttons = self._pointer
        self._pointer = (x, y, 0)
        return (x, y) if buttons else None
