"""The values that the test card asks for, and how it shows the answers."""

from __future__ import annotations

import re

from guacr.api import BadRequestError, shorten

NAMES_MAX = 8
"""Maximum values to ask for."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_SECRET = re.compile(r"password|passphrase|private-key|secret|token|pin")
DOTS = "•" * 8
"""Shown instead of a secret, whatever its length."""


def names_of(text: str) -> list[str]:
    """Return the names in the parameter `ask`.

    Raises:
        BadRequestError: there are too many, or one is invalid.
    """
    names = [name.strip() for name in text.split(",")] if text.strip() else []
    for name in names:
        if not _NAME.fullmatch(name):
            raise BadRequestError(
                f"parameter ask names values like username, password; {shorten(name)} is not a name"
            )
    if len(names) > NAMES_MAX:
        raise BadRequestError(f"parameter ask can name at most {NAMES_MAX} values")
    return list(dict.fromkeys(names))


def shown(name: str, value: str) -> str:
    """Return an answer in a form that everybody may see."""
    if not value:
        return "(empty)"
    return DOTS if _SECRET.search(name) else value[:200]
