"""The variables of a console, and the arguments of its commands, as in psql."""

from __future__ import annotations

import re
from collections.abc import Mapping

from guacr.api import BadRequestError
from handlers.database.sql.splitter import quoted

VARIABLES_MAX = 1000
VALUE_MAX = 1 << 20
"""Maximum characters of all values together."""
_NAME = re.compile(r"[A-Za-z0-9_\u0080-\U0010ffff]+")
_PART = re.compile(
    r"'(?P<single>(?:[^'\\]|\\.|'')*)'?|(?P<double>\"[^\"]*\"?)"
    r"|:\{\?(?P<tested>\w+)\}|:(?P<mark>['\"]?)(?P<name>[A-Za-z0-9_\u0080-\U0010ffff]+)(?P=mark)"
    r"|(?P<blank>\s+)|(?P<other>.)",
    re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b", "r": "\r", "f": "\f"}


class Variables(dict[str, str]):
    """Values by name, bounded."""

    def put(self, name: str, value: str) -> None:
        """Set a variable.

        Raises:
            BadRequestError: the name is invalid, or there are too many variables or they are too
                long.
        """
        if not _NAME.fullmatch(name):
            raise BadRequestError(f"a variable's name has letters, digits and _: not {name[:40]}")
        size = sum(map(len, self.values())) - len(self.get(name, "")) + len(value)
        if size > VALUE_MAX or (name not in self and len(self) >= VARIABLES_MAX):
            raise BadRequestError(
                "there are too many variables, or they are too long: \\unset some"
            )
        self[name] = value


def arguments(text: str, variables: Mapping[str, str]) -> list[str]:
    """The arguments of a command, with quotes removed and variables replaced."""
    found: list[str] = []
    current: str | None = None
    for match in _PART.finditer(text):
        if match["blank"] is not None:
            if current is not None:
                found.append(current)
            current = None
            continue
        current = (current or "") + _value(match, variables)
    return found if current is None else [*found, current]


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    if match["single"] is not None:
        text = match["single"].replace("''", "'")
        return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text, flags=re.DOTALL)
    if match["tested"]:
        return "TRUE" if match["tested"] in variables else "FALSE"
    if match["name"] and (value := variables.get(match["name"])) is not None:
        return quoted(value, match["mark"]).strip() if match["mark"] else value
    return match[0]
