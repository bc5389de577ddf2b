"""The tokens that matter for the end of a statement: quotes, comments and some words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from handlers.database.sql.statements import Dialect

_START = r"[A-Za-z_\u0080-\U0010ffff]"
_NAME = rf"{_START}[A-Za-z0-9_$\u0080-\U0010ffff]*+"
_TAG = rf"\$(?:{_START}[A-Za-z0-9_\u0080-\U0010ffff]*+)?\$"
_VARIABLE = (
    r":(?:\{\?(?P<tested>\w+)\}"
    r"|(?P<mark>['\"]?)(?P<variable>[A-Za-z0-9_\u0080-\U0010ffff]+)(?P=mark))"
)
SKIPPED_AT_ONCE = 4096
"""Maximum tokens skipped by one search, so that other threads have their turn."""

CLOSES = {
    "'": re.compile(r"'"),
    '"': re.compile(r'"'),
    "`": re.compile(r"`"),
    "]": re.compile(r"\]"),
    "*/": re.compile(r"\*/"),
    "E'": re.compile(r"(?:[^'\\]|\\.|'')*+'", re.DOTALL),
    "\\'": re.compile(r"(?:[^'\\]|\\.)*+'", re.DOTALL),
    '\\"': re.compile(r'(?:[^"\\]|\\.)*+"', re.DOTALL),
}
"""The end of each kind of quote, matched after its start."""

_TRIGGERS = {
    "start": {";": "start", "explain": "explain", "create": "create"},
    "normal": {";": "start"},
    "explain": {";": "start", "create": "create", "": "explain"},
    "create": {";": "start", "temp": "create", "temporary": "create", "trigger": "trigger"},
    "trigger": {";": "semicolon", "": "trigger"},
    "semicolon": {";": "semicolon", "end": "end", "": "trigger"},
    "end": {";": "start", "": "trigger"},
}
"""The states of `sqlite3_complete`, and their transitions on words and semicolons; `` is any
other."""


@lru_cache(maxsize=64)
def pattern(dialect: Dialect, words: bool) -> re.Pattern[str]:
    """The pattern of tokens that matter outside quotes; with `words`, all words do."""
    found = [f"(?P<delimiter>{re.escape(dialect.delimiter)})"]
    if dialect.dollars:
        found += [
            r"(?P<escaped>[eE]')",
            r"(?P<bits>[bBxX]')",
            rf"(?P<tag>{_TAG})",
            r"::|:=",
            _VARIABLE,
            r"(?P<parenthesis>[()])",
        ]
    dashes = r"--(?=[\s\x00-\x1f]|\Z)[^\n]*" if dialect.delimiters else r"--[^\n\r]*"
    found += [rf"(?P<comment>{dashes}" + (r"|\#[^\n]*)" if dialect.hashes else ")")]
    if dialect.delimiters:
        found += [r"(?P<conditional>/\*M?!)", r"(?P<closed>\*(?=/))"]
    found += [r"(?P<open>/\*)", r"(?P<quote>['\"`])" if dialect.backticks else r"(?P<quote>['\"])"]
    if dialect.triggers:
        found.append(r"(?P<bracket>\[)")
    found += [r"(?P<backslash>\\)", r"(?P<blank>\s+)"]
    first = re.escape(dialect.delimiter[0])
    if words:
        found.append(rf"(?P<word>{_NAME}|\$\d+(?:{_NAME})?|\d[\d_.]*(?:{_NAME})?)")
    else:
        found.append(_boring(dialect, first))
    return re.compile("|".join([*found, "."]), re.DOTALL)


def _boring(dialect: Dialect, first: str) -> str:
    """The pattern of runs without delimiters: whole rows of an INSERT in one search."""
    if dialect.dollars:
        string = r"'[^'\\\n]*+'" if dialect.standard else r"(?!)"
        parts = [r"[^\w$'\"\\;:()/\-\u0080-\U0010ffff]", rf"(?![eEbBxX]'){_NAME}",
                 rf"\d[\d_.]*+(?:{_NAME})?+",
                 rf"\$\d++(?:{_NAME})?+", r"-(?!-)", r"/(?!\*)", string]  # fmt: skip
    else:
        parts = [rf"[^'\"`\[\\#/*\-{first}]", rf"(?!{first})-(?!-)", rf"(?!{first})/(?!\*)",
                 rf"(?!{first})\*(?!/)"]  # fmt: skip
        if dialect.delimiter == ";":
            parts.append(r"'[^'\\\n]*+'")
    boring = "|".join(parts)
    if dialect.dollars:  # closed parentheses do not change their count
        boring += rf"|\((?:{boring})*+\)"
    return rf"(?:{boring}){{1,{SKIPPED_AT_ONCE}}}+"


@dataclass(slots=True)
class Words:
    """Determines from the words of a statement which semicolons end it.

    psql counts `BEGIN`, `CASE` and `END` in `CREATE [OR REPLACE] {FUNCTION|PROCEDURE}`, and
    sqlite3 follows triggers.
    """

    dialect: Dialect
    initials: str = ""
    depth: int = 0
    count: int = 0
    parentheses: int = 0
    trigger: str = "start"

    @property
    def matter(self) -> bool:
        """True if words must be examined."""
        if self.dialect.triggers:
            return self.trigger not in ("normal", "trigger")
        return self.dialect.dollars and (self.count < 4 or self._in_function)

    @property
    def _in_function(self) -> bool:
        return self.initials[:2] in ("cf", "cp") or self.initials[:4] in ("corf", "corp")

    def see(self, word: str) -> None:
        """Process a word, or anything else that is not blank."""
        if self.dialect.triggers:
            self._follow(word.lower())
        elif self.dialect.dollars and word[0] not in "$0123456789":
            self._count(word.lower())

    def _follow(self, word: str) -> None:
        ways = _TRIGGERS[self.trigger]
        self.trigger = ways.get(word) or ways.get("", "normal")

    def _count(self, word: str) -> None:
        if self.count < 4:
            known = word in ("create", "function", "procedure", "or", "replace")
            self.initials += word[0] if known else " "
        self.count += 1
        if not self._in_function or self.parentheses:
            return
        if word == "begin" or (word == "case" and self.depth):
            self.depth += 1
        elif word == "end" and self.depth:
            self.depth -= 1

    def ends(self) -> bool:
        """Return whether a semicolon here ends the statement."""
        if self.dialect.triggers:
            self._follow(";")
            return self.trigger == "start"
        return self.parentheses == 0 and self.depth == 0
