"""Format replies like `redis-cli --raw`: only their contents."""

from __future__ import annotations

from dataclasses import dataclass

from handlers.database.redis.resp import AGGREGATES, DEPTH_MAX, VALUE_MAX, RespError, Token


@dataclass(slots=True)
class _Level:
    """An array that is being formatted."""

    kind: bytes
    left: int
    """The number of missing values."""


class RawReplyWriter:
    """Formats the tokens of a reply: one line per element; a key and its value share a line."""

    __slots__ = ("_attributes", "_key", "_levels", "ended")

    def __init__(self) -> None:
        self._levels: list[_Level] = []
        self._key = ""
        """The key of a map whose value comes next."""
        self._attributes = 0
        self.ended = False

    def add(self, token: Token) -> list[str]:
        """Add a token, and return the completed lines.

        Raises:
            RespError: arrays are nested too deeply.
        """
        if self._attributes or token.kind == b"|":
            inner = AGGREGATES.get(token.kind, 0) * token.size
            self._attributes += inner if token.kind == b"|" else inner - 1
            return []
        if token.kind in AGGREGATES and token.size:
            if len(self._levels) == DEPTH_MAX:
                raise RespError(f"the reply has more than {DEPTH_MAX} arrays in arrays")
            self._levels.append(_Level(token.kind, token.size * AGGREGATES[token.kind]))
            return []
        text = "" if token.kind in AGGREGATES else _text(token)
        is_key = bool(self._levels) and self._levels[-1].kind == b"%"
        is_key = is_key and self._levels[-1].left % 2 == 0
        self._ascend()
        if is_key:
            self._key = f"{text} "
            return []
        line, self._key = self._key + text, ""
        return line.split("\n")

    def _ascend(self) -> None:
        while self._levels:
            self._levels[-1].left -= 1
            if self._levels[-1].left:
                return
            self._levels.pop()
        self.ended = True


def _text(token: Token) -> str:
    text = token.data.decode(errors="replace").replace("\r\n", "\n")
    match token.kind:
        case b"_":
            return ""
        case b"#":
            return "(true)" if text == "t" else "(false)"
        case b"=":
            text = text[4:]
    left_out = f"… ({token.size - VALUE_MAX} bytes more)" if token.size > VALUE_MAX else ""
    return text + left_out
