r"""What backslash commands such as `\dt` list, with patterns and with what `+` adds."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WILDCARDS = str.maketrans(
    {
        "*": "%", "?": "_", "'": "''", "!": "!!", "%": "!%", "_": "!_",
        "\\": "_", "[": "_",  # these mean something in the literals or patterns of some databases
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listing:
    r"""A statement that lists things.

    Args:
        about: what is listed, for `\?`.
        select: the statement; `{more}` stands at the end of the columns, `{matching}` at the end
            of the conditions.
        more: columns that `+` adds, each after a comma.
        name: what a pattern is compared with; without it, there are no patterns.
        schema: what the part of a pattern before its dot is compared with.
        own: what holds for things that nobody named.
        visible: what holds for things that were named without a schema, or not at all.
    """

    about: str
    select: str
    more: str = ""
    name: str = ""
    schema: str = ""
    own: str = ""
    visible: str = ""

    def statement(self, pattern: str = "", *, plus: bool = False) -> str:
        """The statement for what matches a pattern, in which `*` and `?` stand for others."""
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
    """The parts of a name that dots join, without the quotes that they may stand in."""
    return [
        plain or quoted.replace('""', '"') or ticked.replace("``", "`")
        for quoted, ticked, plain in _PART.findall(name)
    ]


def readable(amount: str, divided: str) -> str:
    """SQL for a number of bytes as people read it, by the bounds of PostgreSQL's pg_size_pretty.

    Args:
        amount: SQL for the number.
        divided: SQL for a number divided, with its unit as a text: a template for the three.
    """
    cases = [
        f"WHEN {amount} < {10240 * 1024**power} THEN " + divided.format(amount, 1024**power, unit)
        for power, unit in enumerate(("bytes", "kB", "MB"))
    ]
    return f"CASE {' '.join(cases)} ELSE {divided.format(amount, 1024**3, 'GB')} END"
