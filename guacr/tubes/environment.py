"""The variables of the environment that tubes use."""

from __future__ import annotations

import os

from guacr.errors import shorten
from guacr.tubes.errors import TubeSettingsError

CREATES = ("KEEPER_GATEWAY_MAX_CONCURRENT_CREATES", "WEBRTC_MAX_CONCURRENT_CREATES")
"""Tubes that are created at a time; the first that is set counts."""
CREATE_TIMEOUT = ("KEEPER_GATEWAY_TUBE_CREATION_TIMEOUT_SECS",)
"""Seconds for a tube to be created."""
GATHER_TIMEOUT = ("KEEPER_GATEWAY_ICE_GATHER_TIMEOUT_SECS",)
"""Seconds for all candidates."""
STUN_URL = "KEEPER_GATEWAY_STUN_URL"
TURN = ("KEEPER_GATEWAY_TURN_URL", "KEEPER_GATEWAY_TURN_USERNAME", "KEEPER_GATEWAY_TURN_PASSWORD")
"""Servers that replace and complete the relay of `create_tube`, if it has one."""

DIGITS_MAX = 9


def number(names: tuple[str, ...], default: int) -> int:
    """Return the value of the first variable that is set, or the default.

    Raises:
        TubeSettingsError: it is not a number.
    """
    for name in names:
        text = os.environ.get(name, "")
        if text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX:
            return int(text)
        if text:
            raise TubeSettingsError(f"{name} is not a number: {shorten(text)}")
    return default
