"""Split text into statements line by line, like psql, mysql and sqlite3."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from handlers.database.sql.statements import ENDINGS, Dialect, Statement, ending
from handlers.database.sql.tokens import CLOSES, Words, pattern

_COMMAND = re.compile(r"\\(?:(?P<literal>[;:])|(?P<name>[A-Za-z_]+\+?|[?.!])?)", re.DOTALL)
_ARGUMENT = re.compile(r"(?:'(?:[^'\\\n]|\\.|'')*+'?|\"[^\"\n]*+\"?|[^\\'\"\n])*+")
_INTERVAL = re.compile(r"(?:[ \t]+[^\s;\\]+)?")
_LINE = re.compile(r"[^\n]*")
_USE = re.compile(r"[ \t]*use[ \t]+[^\s;]+[ \t\r\n]*", re.IGNORECASE)
_NESTED = re.compile(r"/\*|\*/")
_CONDITIONAL = re.compile(r"(?P<conditional>/\*!)|\*/")
_WHOLE_LINE = {"copy", "export", "echo", "qecho", "warn", "sf", "sv", "i"}
"""Commands that extend to the end of the line: a backslash does not begin another command."""
VARIABLES_IN_LINE = 1000
"""Maximum variables that are replaced in a line; further ones are left unchanged."""


@dataclass(slots=True)
class Splitter:
    """Splits lines, including their ends, into statements.

    Statements are returned one by one, so that a caller that runs one can change `dialect` for the
    following lines, and `variables` for the rest of the line.
    """

    dialect: Dialect
    variables: Mapping[str, str] = field(default_factory=dict)
    line: int = 0
    """The number of lines processed."""
    _parts: list[str] = field(default_factory=list)
    _says: bool = False
    _begun: int = 0
    _place: int = 0
    _offset: int = 0
    _close: str | re.Pattern[str] = ""
    _depth: int = 0
    _conditional: bool = False
    """True if `/*!` is open in this line; as in mysql, `*/` then ends it and not a comment."""
    _words: Words = field(init=False)
    length: int = 0
    """The number of characters of the incomplete statement."""

    def __post_init__(self) -> None:
        self._words = Words(self.dialect)

    @property
    def rest(self) -> str:
        """The text after the last statement."""
        return "".join(self._parts)

    @property
    def says(self) -> bool:
        """True if the rest is more than comments."""
        return self._says or bool(self._close and self._close not in ("*/", "nested"))

    @property
    def open(self) -> bool:
        """True if a statement, a quote or a comment is open."""
        return self.says or bool(self._close)

    def last(self) -> Statement | None:
        """The rest as a statement, if it is more than comments."""
        return self._statement("") if self.open else None

    def clear(self) -> None:
        """Discard the rest."""
        self._parts.clear()
        self.length = 0
        self._says = False
        self._words = Words(self.dialect)

    # ---- lines

    def feed(self, line: str) -> Iterator[Statement]:
        """Process a line, and return the statements that end in it."""
        self.line += 1
        self._words.dialect = self.dialect
        self._conditional = False
        rest = line
        if not self.open and self.dialect.delimiters:
            found = self._named(line)
            if found is not None:
                yield found
                rest = ""
        yield from self._scan(rest)
        self._offset += len(line)

    def _named(self, line: str) -> Statement | None:
        """A mysql command that needs no semicolon."""
        if found := DELIMITER.match(line):
            self.dialect = replace(self.dialect, delimiter=found[1])
            return self._ended(f"\\delimiter {found[1]}", len(line), is_command=True)
        if _USE.fullmatch(line) and self.dialect.delimiter not in line:
            return self._ended(line.strip(), len(line))
        return None

    def _ended(self, text: str, at: int, *, is_command: bool = False) -> Statement:
        place, self._place = self._place, self._offset + at
        self.clear()
        return Statement(text, is_command=is_command, place=place, line=self.line)

    def _scan(self, line: str) -> Iterator[Statement]:
        at = 0
        replaced = shift = 0
        while at < len(line):
            if self._close:
                at = self._inside(line, at)
                continue
            match = self._token(line, at)
            kind, end = match.lastgroup, match.end()
            if kind in ("variable", "mark", "tested") and replaced < VARIABLES_IN_LINE:
                value = self._value(match)
                if value is not None:
                    replaced += 1
                    if match["variable"] and not match["mark"]:  # it may contain anything
                        line = line[:at] + value + line[end:]
                        shift += len(value) - (end - at)
                    else:
                        self._add(value)
                        at = end
                    continue
            if kind == "delimiter" and self._words.ends():
                yield from self._end(end - shift)
            elif kind == "backslash" and not (
                self.dialect.delimiters and line.startswith("\\N", at)
            ):
                end, found = self._command(line, at, shift)
                if found is not None:
                    yield found
            else:
                self._take(match)
            at = end

    def _token(self, line: str, at: int) -> re.Match[str]:
        dialect = self.dialect
        if dialect.delimiters and not self._says and line.startswith("--", at):
            return _match(_DASHES, line, at)  # a comment in mysql, whatever follows
        return _match(pattern(dialect, self._words.matter), line, at)

    def _value(self, match: re.Match[str]) -> str | None:
        """The replacement of a variable, if it is set."""
        if match["tested"]:
            return "TRUE" if match["tested"] in self.variables else "FALSE"
        value = self.variables.get(match["variable"])
        if value is None or not match["mark"]:
            return value
        return quoted(value, match["mark"])

    def _add(self, text: str, *, says: bool = True) -> None:
        if says and not self._says:
            self._says = True
            self._begun = self.line
        if self._parts or says or not text.isspace():
            self._parts.append(text)
            self.length += len(text)

    def _take(self, match: re.Match[str]) -> None:
        """Process a token that does not end a statement."""
        text, kind = match[0], match.lastgroup
        if kind in ("comment", "blank"):
            self._add(text, says=False)
            return
        if kind == "open":
            self._close, self._depth = ("nested" if self.dialect.dollars else "*/"), 1
            self._add(text, says=False)
            return
        self._add(text)
        if kind in ("conditional", "closed"):
            self._conditional = text == "/*!" or (self._conditional and kind == "conditional")
            return
        if kind == "parenthesis":
            depth = self._words.parentheses + (1 if text == "(" else -1)
            self._words.parentheses = max(depth, 0)
            return
        if kind != "delimiter" and (kind == "word" or self.dialect.triggers):
            self._words.see(text)
        self._close = self._opened(kind, text)

    def _opened(self, kind: str | None, text: str) -> str | re.Pattern[str]:
        if kind == "tag":
            return re.compile(re.escape(text))
        if kind == "escaped" or (kind == "quote" and text == "'" and not self.dialect.standard):
            return "E'"
        if kind == "bits":
            return "'"
        if kind == "bracket":
            return "]"
        if kind != "quote":
            return ""
        escapes = self.dialect.delimiters and self.dialect.escapes and text != "`"
        return f"\\{text}" if escapes else text

    def _inside(self, line: str, at: int) -> int:
        """Continue after the end of a quote or comment, or of the line."""
        comment = self._close in ("*/", "nested")
        end = len(line)
        if self._close == "nested":
            for match in _NESTED.finditer(line, at):
                self._depth += 1 if match[0] == "/*" else -1
                if not self._depth:
                    end, self._close = match.end(), ""
                    break
        elif comment and self.dialect.delimiters:
            for match in _CONDITIONAL.finditer(line, at):
                if not match["conditional"] and not self._conditional:
                    end, self._close = match.end(), ""
                    break
                self._conditional = match["conditional"] is not None
        else:
            close = self._close if isinstance(self._close, re.Pattern) else CLOSES[self._close]
            escapes = close.pattern[0] == "("
            if found := (close.match(line, at) if escapes else close.search(line, at)):
                end, self._close = found.end(), ""
        self._add(line[at:end], says=not comment)
        return end

    # ---- ends and commands

    def _end(self, at: int) -> Iterator[Statement]:
        if self._says:
            yield self._statement(";" if self.dialect.delimiter == ";" else "", at)
        else:
            self.clear()
            self._place = self._offset + at

    def _statement(self, end: str, at: int = 0) -> Statement:
        text = (self.rest + end).strip()
        place, self._place = self._place, self._offset + at
        begun = self._begun
        self.clear()
        return Statement(text, place=place, line=begun)

    def _command(self, line: str, at: int, shift: int) -> tuple[int, Statement | None]:
        """Parse a backslash command; return where it ends, and the statement."""
        match = _match(_COMMAND, line, at)
        if match["literal"]:
            self._add(match["literal"])
            return match.end(), None
        name = match["name"] or ""
        if not name:
            if self.dialect.delimiters:  # mysql also sends unknown commands
                self._add(line[at : at + 2])
                return at + 2, None
            end = len(line.rstrip("\n"))
            return end, Statement("\\", is_command=True, place=self._offset + at, line=self.line)
        follows = _LINE if name in _WHOLE_LINE else _INTERVAL if name == "watch" else _ARGUMENT
        if name in ("g", "gx", "G"):
            follows = _NOTHING
        found = _match(follows, line, match.end())
        end = found.end()
        if line.startswith("\\\\", end):  # it separates a command from the rest
            end += 2
        argument = found[0].strip()
        if name == "r":
            self.clear()
            self._close = ""
            return end, Statement("\\r", is_command=True, place=self._offset + at, line=self.line)
        if name in ENDINGS:
            says = self._says
            text = self._statement("", end - shift)
            return end, ending(
                name, argument, text if says else replace(text, text="", line=self.line)
            )
        if name == "e":
            text = self._statement("", end - shift)
            return end, replace(text, how="e", line=self.line)
        place = self._place if not self._says else self._offset + at - shift
        if not self._says:
            self._place = self._offset + end - shift
        return end, Statement(
            f"\\{name} {argument}".strip(), is_command=True, place=place, line=self.line
        )


DELIMITER = re.compile(r"[ \t]*(?i:delimiter)[ \t]+([^\s\\]{1,15})[^\n]*\n?")
_DASHES = re.compile(r"(?P<comment>--[^\n]*)")
_NOTHING = re.compile("")


def _match(wanted: re.Pattern[str], line: str, at: int) -> re.Match[str]:
    """A match of a pattern that always has one."""
    match = wanted.match(line, at)
    assert match is not None  # noqa: S101 - its last alternative takes anything
    return match


def quoted(value: str, mark: str) -> str:
    """Quote a value as a literal or an identifier of PostgreSQL."""
    text = mark + value.replace(mark, mark * 2) + mark
    if mark == "'" and "\\" in value:
        return " E" + text.replace("\\", "\\\\")
    return text


def lines_of(text: str) -> list[str]:
    """The lines of a text with their ends; a carriage return alone is not an end."""
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def split(text: str, dialect: Dialect) -> tuple[list[Statement], str]:
    """The complete statements of `text`, and the rest after them."""
    if dialect.lines:
        return _placed((Statement(line) for line in text.splitlines() if line.strip()), text), ""
    if dialect.splits is not None:
        return _placed(dialect.splits(text), text), ""
    splitter = Splitter(dialect)
    found = [statement for line in lines_of(text) for statement in splitter.feed(line)]
    return found, splitter.rest


def unfinished(text: str, dialect: Dialect) -> bool:
    """Return whether more than comments follow the last complete statement."""
    if dialect.lines or dialect.splits is not None:
        return False
    splitter = Splitter(dialect)
    for line in lines_of(text):
        deque(splitter.feed(line), maxlen=0)
    return splitter.open


def _placed(statements: Iterable[Statement], text: str) -> list[Statement]:
    """Add positions to statements that are parts of a text, in order."""
    found: list[Statement] = []
    place = line = 0
    for statement in statements:
        before = place
        place = max(text.find(statement.text, place), place)
        line += text.count("\n", before, place)
        found.append(replace(statement, place=place, line=line + 1))
    return found
