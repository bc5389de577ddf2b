"""The handshake of an association (RFC 9260 section 5).

DTLS has authenticated the peer already and there is one association for each DTLS connection, so
the cookie need not carry the state: it only proves that the peer has received the INIT ACK.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import Enum, auto

from guacr.tubes.sctp.packets import (
    ChunkType,
    MalformedError,
    Parameter,
    chunk,
    init_chunk,
    init_fields,
    parameter,
    parameters,
)

STREAMS = 65535
RETRY = 0.5
RETRY_MAX = 2.0
"""Seconds until an INIT or a COOKIE ECHO is sent again, first and later."""
TRIES = 20
"""After so many the handshake has failed: about 36 s."""
ANSWERS_MAX = 4
"""Answers that wait; further ones are dropped, as if lost."""
_EXTENSIONS = parameter(Parameter.SUPPORTED_EXTENSIONS, bytes([ChunkType.RECONFIG]))


@dataclass(frozen=True, slots=True)
class Peer:
    """The peer's own values: tag, window in bytes, first TSN."""

    tag: int
    window: int
    first_tsn: int


class State(Enum):
    """Of RFC 9260 section 4."""

    CLOSED = auto()
    COOKIE_WAIT = auto()
    COOKIE_ECHOED = auto()
    ESTABLISHED = auto()
    FAILED = auto()


class Handshake:
    """One end of the handshake; both may begin it (RFC 8841 section 9.3).

    Args:
        tag: this end's verification tag.
        window: bytes that this end can take.
        first_tsn: of this end.

    Attributes:
        peer: what the peer has said of itself, None before.
    """

    def __init__(self, tag: int, window: int, first_tsn: int) -> None:
        self.state = State.CLOSED
        self.peer: Peer | None = None
        self._own = (tag, window, STREAMS, first_tsn)
        self._cookie = secrets.token_bytes(16)
        self._request = b""
        self._retry_at: float | None = None
        self._tries = 0
        self._answers: list[bytes] = []

    def start(self, now: float) -> None:
        """Send an INIT."""
        self.state = State.COOKIE_WAIT
        self._ask(init_chunk(ChunkType.INIT, *self._own, _EXTENSIONS), now)

    def on_init(self, value: bytes) -> None:
        """Process an INIT.

        Raises:
            MalformedError: it is not one.
        """
        peer = self._parse(value)
        if self.state in (State.COOKIE_WAIT, State.COOKIE_ECHOED):
            self.peer = self.peer or peer
        if self.peer == peer:
            cookie = parameter(Parameter.STATE_COOKIE, self._cookie)
            self._answer(init_chunk(ChunkType.INIT_ACK, *self._own, _EXTENSIONS + cookie))

    def on_init_ack(self, value: bytes, now: float) -> None:
        """Process an INIT ACK.

        Raises:
            MalformedError: it is not one.
        """
        if self.state is not State.COOKIE_WAIT:
            return
        peer = self._parse(value)
        for kind, cookie in parameters(value[16:]):
            if kind == Parameter.STATE_COOKIE:
                self.peer = self.peer or peer
                self.state = State.COOKIE_ECHOED
                self._tries = 0
                self._ask(chunk(ChunkType.COOKIE_ECHO, cookie), now)
                return
        raise MalformedError("an INIT ACK chunk without a cookie")

    def on_cookie_echo(self, cookie: bytes) -> None:
        """Process a COOKIE ECHO."""
        if self.peer is not None and secrets.compare_digest(cookie, self._cookie):
            self._answer(chunk(ChunkType.COOKIE_ACK))
            self._establish()

    def on_cookie_ack(self) -> None:
        """Process a COOKIE ACK."""
        if self.state is State.COOKIE_ECHOED:
            self._establish()

    def take(self, now: float) -> list[bytes]:
        """Chunks to send, each in a packet of its own; an INIT in one with the tag 0."""
        chunks, self._answers = self._answers, []
        if self._retry_at is not None and self._retry_at <= now:
            if self._tries == TRIES:
                self.state = State.FAILED
                self._retry_at = None
                return chunks
            self._retry_at = now + min(RETRY * 2**self._tries, RETRY_MAX)
            self._tries += 1
            chunks.append(self._request)
        return chunks

    def deadline(self) -> float | None:
        """When `take` has something, as seconds of the clock; 0.0 for at once."""
        return 0.0 if self._answers else self._retry_at

    def _parse(self, value: bytes) -> Peer:
        tag, window, _, _, first_tsn = init_fields(value)
        return Peer(tag, window, first_tsn)

    def _ask(self, request: bytes, now: float) -> None:
        self._request = request
        self._retry_at = now

    def _answer(self, answer: bytes) -> None:
        if len(self._answers) < ANSWERS_MAX:
            self._answers.append(answer)

    def _establish(self) -> None:
        self._retry_at = None
        self.state = State.ESTABLISHED
