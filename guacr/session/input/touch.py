"""Contacts on a touch screen, as the `touch` instruction describes them."""

from __future__ import annotations

from dataclasses import dataclass, replace

CONTACTS_MAX = 16
"""Maximum simultaneous contacts of one user; others are ignored. RDP allows 10."""
RADIUS_MAX = 1024
"""Pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """The position and shape of a finger on layer 0."""

    id: int
    """Chosen by the client; unique among the simultaneous contacts of one user."""
    x: int
    y: int
    radius_x: int = 0
    radius_y: int = 0
    """The radii of the touched ellipse in pixels."""
    angle: float = 0.0
    """The clockwise rotation of the ellipse in degrees, from 0 to 360."""
    force: float = 1.0
    """The pressure from 0 to 1; at 0 the finger has left the screen."""

    @property
    def lifted(self) -> bool:
        """True if the finger has left the screen."""
        return self.force == 0

    def as_lifted(self) -> Contact:
        """Return the contact at its end, in the same place."""
        return replace(self, force=0.0)
