"""Names of recordings that an operator sets, with tokens that stand for what is known of a session.

The tokens are those of Apache Guacamole ("Parameter tokens"), whose web application replaces them
before guacr sees them; guacr does so for its own connections.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

DATE, TIME, USERNAME, UUID = "GUAC_DATE", "GUAC_TIME", "GUAC_USERNAME", "HISTORY_UUID"
"""The day (YYYYMMDD), the time (HHMMSS), the person whom a token names, the session's id."""
KNOWN = (DATE, TIME, USERNAME, UUID)
DEFAULT = f"${{{DATE}}}-${{{TIME}}}-${{{UUID}}}"
"""The name of recordings for which an operator has set none."""
EXAMPLE = f"${{{DATE}}}-${{{TIME}}}-${{{USERNAME}}}"
NOBODY = "anonymous"
"""Stands for the person if no token names one."""

_TOKEN = re.compile(r"(\$?)\$\{([A-Z_]{1,32})\}")


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its tokens replaced. `$${…}` stands for a token that stays, and unknown
    tokens stay as they are."""

    def value(match: re.Match[str]) -> str:
        return match[0][1:] if match[1] else values.get(match[2], match[0])

    return _TOKEN.sub(value, text)


def values_of(session: str, person: str, now: datetime) -> dict[str, str]:
    """Return the values of the tokens.

    Args:
        session: the id of a session, `$` and a UUID.
        person: anything; of it, every character that a directory's name should not contain is
            quoted as in URLs, so that the names of two people are never the same.
        now: the local time.
    """
    return {
        DATE: f"{now:%Y%m%d}",
        TIME: f"{now:%H%M%S}",
        USERNAME: _quoted(person) or NOBODY,
        UUID: session.removeprefix("$"),
    }


def unknown(text: str) -> list[str]:
    """Return the tokens of a text that are not known, as they are written there."""
    found = _TOKEN.finditer(text)
    return [match[0] for match in found if not match[1] and match[2] not in KNOWN]


def is_new_each_time(text: str) -> bool:
    """Return whether a text stands for another name in each session, or nearly."""
    return any(not match[1] and match[2] in (TIME, UUID) for match in _TOKEN.finditer(text))


def before_tokens(path: str) -> str:
    """Return the part of a path that is the same in all sessions."""
    found = next((match for match in _TOKEN.finditer(path)), None)
    return path if found is None else path[: found.start()].rpartition("/")[0] or "/"


def _quoted(person: str) -> str:
    text = "".join(
        one if one.isalnum() or one in "-_.@+" else quote(one, "", errors="replace")
        for one in person
    )
    return "%2E" + text[1:] if text.startswith(".") else text
