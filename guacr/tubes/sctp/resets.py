"""Stream resets, which close data channels (RFC 6525, RFC 8831 section 6.7)."""

from __future__ import annotations

from collections.abc import Callable

from guacr.tubes.sctp.packets import (
    ChunkType,
    MalformedError,
    Parameter,
    chunk,
    outgoing_reset_fields,
    outgoing_reset_request,
    parameters,
    reconfig_response,
    reconfig_response_fields,
)

STREAMS_MAX = 100
"""Streams in a request, so that it fits into a packet."""
ANSWERS_MAX = 100
"""Answers that wait; further ones are dropped, as if lost."""
ANSWER_SIZE = 16
"""Bytes of a chunk with an answer."""
RETRY = 0.5
"""Seconds until a request that was not answered is sent again."""
PERFORMED, IN_PROGRESS, DENIED = 1, 6, 2
"""Results (RFC 6525 section 4.4)."""
NOTHING_TO_DO = 0


class Resets:
    """Requests and answers of one association.

    Args:
        first_number: the first request's number: the first TSN (RFC 6525 section 4.1).
        on_sent: called with a stream whose outgoing half is closed.
        on_received: called with the streams whose incoming half is closed.
        reached: whether everything up to a TSN has arrived.
    """

    def __init__(
        self,
        first_number: int,
        on_sent: Callable[[int], None],
        on_received: Callable[[list[int]], None],
        reached: Callable[[int], bool],
    ) -> None:
        self._number = first_number
        self._on_sent = on_sent
        self._on_received = on_received
        self._reached = reached
        self._queued: list[int] = []
        self._request: tuple[int, list[int], bytes] | None = None
        """Number, streams and chunk of the request that waits for an answer."""
        self._retry_at: float | None = None
        self._answers: list[bytes] = []
        self._last_peer_number: int | None = None
        self._last_answer = b""
        self._deferred: tuple[int, int, list[int]] | None = None
        """Number, last TSN and streams of the peer's request that waits for data."""

    def request(self, stream: int) -> None:
        """Close the outgoing half of a stream; everything on it was sent."""
        self._queued.append(stream)

    def receive(self, value: bytes) -> None:
        """Process a RE-CONFIG chunk's value.

        Raises:
            MalformedError: it is not one.
        """
        for kind, content in parameters(value):
            if kind == Parameter.OUTGOING_RESET_REQUEST:
                self._on_request(*outgoing_reset_fields(content))
            elif kind == Parameter.RECONFIG_RESPONSE:
                self._on_response(*reconfig_response_fields(content))
            elif kind in (
                Parameter.INCOMING_RESET_REQUEST,
                Parameter.ADD_OUTGOING_STREAMS,
                Parameter.ADD_INCOMING_STREAMS,
            ):
                if len(content) < 4:
                    raise MalformedError("a request without a number")
                self._answer(int.from_bytes(content[:4]), DENIED)

    def on_data(self) -> None:
        """Carry out a request that waited for data."""
        if self._deferred is not None and self._reached(self._deferred[1]):
            number, _, streams = self._deferred
            self._deferred = None
            self._perform(number, streams)

    @property
    def waiting(self) -> int:
        """Streams that are to be closed and are not in a request yet."""
        return len(self._queued)

    def take(self, last_tsn: int, room: int, now: float) -> list[bytes]:
        """Chunks to send in a packet that has this room in bytes."""
        count = room // ANSWER_SIZE
        chunks, self._answers = self._answers[:count], self._answers[count:]
        room -= ANSWER_SIZE * len(chunks)
        if self._request is None and self._queued:
            streams = self._queued[:STREAMS_MAX]
            del self._queued[:STREAMS_MAX]
            data = outgoing_reset_request(
                self._number, self._number - 1 & 0xFFFFFFFF, last_tsn, streams
            )
            self._request = (self._number, streams, chunk(ChunkType.RECONFIG, data))
            self._number = self._number + 1 & 0xFFFFFFFF
            self._retry_at = now
        is_due = self._retry_at is not None and self._retry_at <= now
        if self._request is not None and is_due and len(self._request[2]) <= room:
            chunks.append(self._request[2])
            self._retry_at = now + RETRY
        return chunks

    def deadline(self) -> float | None:
        """When `take` has something, as seconds of the clock; 0.0 for at once."""
        if self._answers or (self._queued and self._request is None):
            return 0.0
        return self._retry_at

    def _on_request(self, number: int, last_tsn: int, streams: list[int]) -> None:
        if number == self._last_peer_number and self._deferred is None:
            self._send(self._last_answer)
        elif not self._reached(last_tsn):
            self._deferred = (number, last_tsn, streams)
            self._answer(number, IN_PROGRESS)
        else:
            self._perform(number, streams)

    def _perform(self, number: int, streams: list[int]) -> None:
        self._answer(number, PERFORMED)
        self._on_received(streams)

    def _answer(self, number: int, result: int) -> None:
        self._last_peer_number = number
        self._last_answer = chunk(ChunkType.RECONFIG, reconfig_response(number, result))
        self._send(self._last_answer)

    def _send(self, answer: bytes) -> None:
        if len(self._answers) < ANSWERS_MAX:
            self._answers.append(answer)

    def _on_response(self, number: int, result: int) -> None:
        if self._request is None or number != self._request[0] or result == IN_PROGRESS:
            return
        streams = self._request[1]
        self._request = None
        self._retry_at = None
        # A refused request has no other remedy: the channel is closed on this side.
        for stream in streams:
            self._on_sent(stream)
