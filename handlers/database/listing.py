r"""The listings of backslash commands such as `\dt`, with patterns and the additions of `+`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WILDCARDS = str.maketrans(
    {
        "*": "%", "?": "_", "'": "''", "!": "!!", "%": "!%", "_": "!_",
        "\\": "_", "[": "_",  # special in literals or patterns of some databases
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listing:
    r"""A statement that lists things.

    Args:
        about: the description for `\?`.
        select: the statement, with `{more}` after the columns and `{matching}` after the
            conditions.
        more: columns that `+` adds, each after a comma.
        name: the expression that a pattern is compared with; empty for no patterns.
        schema: the expression that the part of a pattern before a dot is compared with.
        own: the condition if there is no pattern.
        visible: the condition if there is no schema in the pattern, or no pattern.
    """

    about: str
    select: str
    more: str = ""
    name: str = ""
    schema: str = ""
    own: str = ""
    visible: str = ""

    def statement(self, pattern: str = "", *, plus: bool = False) -> str:
        """The statement for a pattern, in which `*` and `?` are wildcards."""
        owner, _, name = pattern.rpartition(".") if self.schema else ("", "", pattern)
        conditions = [
            "" if pattern else self.own,
            "" if owner else self.visible,
            _like(self.schema, owner),
            _like(self.name, name),
        ]
        matching = "".join(f" AND {condition}" for condition in conditions if condition)
        text = self.select.replace("{more}", self.more if plus else "")
        return text.replace("{matching}", matching)


def _like(value: str, pattern: str) -> str:
    if not pattern or pattern == "*":
        return ""
    text = pattern.replace('"', "").lower().translate(_WILDCARDS)
    return f"LOWER({value}) LIKE '{text}' ESCAPE '!'"


_PART = re.compile(r'"((?:[^"]|"")*)"|`((?:[^`]|``)*)`|([^.`"]+)')


def name_parts(name: str) -> list[str]:
    """The parts of a name separated by dots, without quotes."""
    return [
        plain or quoted.replace('""', '"') or ticked.replace("``", "`")
        for quoted, ticked, plain in _PART.findall(name)
    ]


def readable(amount: str, divided: str) -> str:
    """SQL for a human-readable number of bytes, with the thresholds of PostgreSQL's pg_size_pretty.

    Args:
        amount: SQL for the number.
        divided: a template of SQL for a number, a divisor and a unit.
    """
    cases = [
        f"WHEN {amount} < {10240 * 1024**power} THEN " + divided.format(amount, 1024**power, unit)
        for power, unit in enumerate(("bytes", "kB", "MB"))
    ]
    return f"CASE {' '.join(cases)} ELSE {divided.format(amount, 1024**3, 'GB')} END"
