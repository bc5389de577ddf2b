"""Parse commands and format replies like redis-cli."""

from __future__ import annotations

import re
from dataclasses import dataclass

from guacr.api import BadRequestError
from handlers.database.redis.resp import AGGREGATES, DEPTH_MAX, VALUE_MAX, RespError, Token

_ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", "b": b"\b", "a": b"\a"}
_PLAIN = re.compile(rb"[^\x20-\x7e]|[\\\"]")
_NAMED = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 92: "\\\\"}
_ESCAPED = [
    _NAMED.get(byte, chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}") for byte in range(256)
]
_EMPTY = {b"*": "(empty array)", b"%": "(empty hash)", b"~": "(empty set)", b">": "(empty push)"}
_SIGNS = {b"~": "~", b"%": "#"}
_WORD = re.compile(
    r"""\s*(?:"(?P<double>(?:[^"\\]|\\.)*)"(?=\s|$)|'(?P<single>(?:[^'\\]|\\.)*)'(?=\s|$)"""
    r"""|(?P<plain>[^\s"']+)(?P<joined>["'])?|(?P<open>["']))""",
    re.DOTALL,
)
_DOUBLE = re.compile(r"\\x([0-9a-fA-F]{2})|\\(.)|([^\\]+)", re.DOTALL)
_PASSWORDS = re.compile(
    r"\s*(?:auth|acl\s+setuser|config\s+set\b.*\b(?:\w*auth|\w*pass\w*)|hello\b.*\bauth"
    r"|migrate\b.*\bauth2?)\b",
    re.IGNORECASE | re.DOTALL,
)
_RAW = {
    ("info",), ("lolwut",), ("memory", "doctor"), ("memory", "malloc-stats"),
    ("cluster", "nodes"), ("cluster", "info"), ("client", "list"), ("client", "info"),
    ("latency", "graph"), ("latency", "doctor"), ("debug", "htstats"),
    ("debug", "htstats-key"), ("debug", "client-eviction"),
}  # fmt: skip


def words(line: str) -> list[bytes]:
    r"""The arguments of a line.

    Double quotes support `\n`, `\r`, `\t`, `\b`, `\a` and `\xHH`; single quotes only `\'`.

    Raises:
        BadRequestError: a quote is not closed, or is not followed by a blank.
    """
    found: list[bytes] = []
    place = 0
    line = line.strip()
    while place < len(line):
        match = _WORD.match(line, place)
        if match is None or match["open"] or match["joined"]:
            raise BadRequestError("invalid argument(s): a quote is not closed or ends in a word")
        if match["double"] is not None:
            found.append(b"".join(_unescaped(part) for part in _DOUBLE.finditer(match["double"])))
        elif match["single"] is not None:
            found.append(match["single"].replace("\\'", "'").encode())
        else:
            found.append(match["plain"].encode())
        place = match.end()
    return found


def _unescaped(part: re.Match[str]) -> bytes:
    if part[1]:
        return bytes.fromhex(part[1])
    if part[2]:
        return _ESCAPES.get(part[2], part[2].encode())
    return part[3].encode()


def holds_password(line: str) -> bool:
    """Return whether a line may contain a password."""
    return _PASSWORDS.match(line) is not None


def is_raw(arguments: list[bytes]) -> bool:
    """Return whether the reply of a command is a text for people, shown unchanged."""
    names = [argument.decode(errors="replace").lower() for argument in arguments[:2]]
    return tuple(names[:1]) in _RAW or tuple(names) in _RAW


def quoted(data: bytes) -> str:
    """A string in quotes, with everything but printable ASCII escaped."""
    if _PLAIN.search(data) is None:
        return f'"{data.decode("ascii")}"'
    return '"' + "".join(map(_ESCAPED.__getitem__, data)) + '"'


@dataclass(slots=True)
class _Level:
    """An array that is being formatted."""

    kind: bytes
    values: int
    """The number of values; two for each pair of a map."""
    prefix: str
    width: int
    done: int = 0

    @property
    def inner_prefix(self) -> str:
        """The prefix of all lines of an element except the first."""
        return self.prefix + " " * (self.width + 2)


class ReplyWriter:
    """Formats the tokens of a reply as lines, like redis-cli on a terminal.

    Args:
        raw: whether a string is a text for people.
    """

    __slots__ = ("_attributes", "_breaks", "_levels", "_line", "_raw", "ended")

    def __init__(self, *, raw: bool = False) -> None:
        self._raw = raw
        self._levels: list[_Level] = []
        self._line = ""
        self._breaks: list[tuple[int, str]] = []
        """The position after a key at which the line may be broken, and the prefix of the next
        line."""
        self._attributes = 0
        """The number of missing values of attributes, which are not shown."""
        self.ended = False

    def add(self, token: Token) -> list[str]:
        """The lines that are whole now.

        Raises:
            RespError: arrays are nested too deeply.
        """
        if self._attributes or token.kind == b"|":
            inner = AGGREGATES.get(token.kind, 0) * token.size
            self._attributes += inner if token.kind == b"|" else inner - 1
            return []
        finished = self._begin()
        if token.kind in AGGREGATES and token.size:
            return finished + self._descend(token)
        self._line += self._value(token)
        self._ascend()
        if self.ended:
            finished += self._line.split("\n")
        return finished

    def _begin(self) -> list[str]:
        """Write the prefix of a value; return the previous line if it is complete."""
        if not self._levels:
            return []
        level = self._levels[-1]
        if level.kind == b"%" and level.done % 2:
            self._line += " => "
            self._breaks.append((len(self._line), level.inner_prefix))
            return []
        finished = []
        number = level.done // AGGREGATES[level.kind] + 1
        if level.done:
            finished = self._line.split("\n")
            self._line = level.prefix
            self._breaks.clear()
        self._line += f"{number:>{level.width}}{_SIGNS.get(level.kind, ')')} "
        return finished

    def _descend(self, token: Token) -> list[str]:
        if len(self._levels) == DEPTH_MAX:
            raise RespError(f"the reply has more than {DEPTH_MAX} arrays in arrays")
        prefix = self._levels[-1].inner_prefix if self._levels else ""
        values = token.size * AGGREGATES[token.kind]
        self._levels.append(_Level(token.kind, values, prefix, len(str(token.size))))
        return self._break() if token.size > 1 else []

    def _break(self) -> list[str]:
        """Begin a multi-line value on the line below the keys of its maps."""
        finished = []
        start, indent = 0, ""
        for place, prefix in self._breaks:
            finished.append(indent + self._line[start:place])
            start, indent = place, prefix
        self._line = indent + self._line[start:]
        self._breaks.clear()
        return finished

    def _ascend(self) -> None:
        """Finish a value, and all arrays of which it was the last one."""
        while self._levels:
            self._levels[-1].done += 1
            if self._levels[-1].done < self._levels[-1].values:
                return
            self._levels.pop()
        self.ended = True

    def _value(self, token: Token) -> str:
        text = token.data.decode(errors="replace").replace("\r\n", "\n")
        match token.kind:
            case b"-" | b"!":
                return f"(error) {text}"
            case b":":
                return f"(integer) {text}"
            case b",":
                return f"(double) {text}"
            case b"#":
                return "(true)" if text == "t" else "(false)"
            case b"_":
                return "(nil)"
            case b"$":
                shown = text.rstrip("\n") if self._raw else quoted(token.data)
                return shown + _left_out(token)
            case b"=":
                return text[4:].rstrip("\n") + _left_out(token)
        return _EMPTY.get(token.kind, text)


def _left_out(token: Token) -> str:
    return f"… ({token.size - VALUE_MAX} bytes more)" if token.size > VALUE_MAX else ""
