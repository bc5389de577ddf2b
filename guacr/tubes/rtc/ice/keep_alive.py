"""Consent: questions to the peer of a selected pair whether it is still there (RFC 7675).

The question is asked every few seconds. Only what is authenticated counts as an answer: the
responses, and the peer's own questions. Data does not, which anyone could send in the peer's name;
but the first data after a silence leads to a question at once.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aioice import stun
from aioice.ice import CandidatePair

if TYPE_CHECKING:
    from guacr.tubes.rtc.ice.agent import Agent

SILENT_AFTER = 2
"""Questions in a row without an answer, after which the link counts as interrupted."""
LOST_INTERVAL = 0.5
"""Maximum seconds until a question without an answer is repeated, so that an interruption and its
end are noticed."""
ASKED_MAX = 32
"""Questions whose answers still count."""
PAIRS_MAX = 8
"""Pairs that are asked at once while the selected one is silent."""
HASTE_INTERVAL = 0.05
"""Seconds between questions that data leads to."""
ROUND_TRIPS = 100
"""Round-trip times that are kept."""
SMOOTHING = 0.125
"""Weight of a new round-trip time in the average, as in RFC 6298."""


@dataclass(slots=True, eq=False)
class _Question:
    """A question that was sent; stands where `StunProtocol` has its transactions."""

    keep_alive: KeepAlive
    pair: CandidatePair
    key: bytes
    transaction_id: bytes
    sent_at: float
    controlling: bool

    def response_received(self, message: stun.Message, addr: tuple[str, int]) -> None:
        if addr == self.pair.remote_addr and message.check_message_integrity(self.key):
            self.keep_alive.answered(self, message)

    def forget(self) -> None:
        self.pair.protocol.transactions.pop(self.transaction_id, None)


class KeepAlive:
    """Asks the peer on the selected pair of an agent."""

    def __init__(self, agent: Agent, interval: float) -> None:
        self._agent = agent
        self._interval = interval
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._asked_at = 0.0
        self._unanswered = 0
        self._timer: asyncio.TimerHandle | None = None
        self._questions: deque[_Question] = deque()
        self.silent = False
        """Some questions in a row have no answer: the link is interrupted."""
        self.round_trip_time: float | None = None
        """Seconds, smoothed."""
        self.round_trips: deque[float] = deque(maxlen=ROUND_TRIPS)
        """The last ones in seconds, as they were measured."""

    def start(self) -> None:
        """Begin when a pair is selected, or another one."""
        self._heard_at = self._loop.time()
        self._unanswered, self.silent = 0, False
        self._ask()  # for the round-trip time
        self._schedule()

    def stop(self) -> None:
        """Ask no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._questions:
            self._questions.popleft().forget()

    def heard(self) -> None:
        """Note an authenticated message on the selected pair."""
        self._heard_at = self._loop.time()
        if self._unanswered == 0 or self._timer is None:
            return
        recovered, self.silent, self._unanswered = self.silent, False, 0
        self._schedule()
        if recovered:
            self._agent.recovered()

    def hasten(self) -> None:
        """Ask at once, since data has come on an interrupted link."""
        if self._loop.time() - self._asked_at > HASTE_INTERVAL:
            self._ask()

    def answered(self, question: _Question, message: stun.Message) -> None:
        """Take the answer to a question."""
        self._questions.remove(question)
        question.forget()
        if message.message_class != stun.Class.RESPONSE:
            self._agent.refused(message, controlling=question.controlling)
            return
        self._measured(self._loop.time() - question.sent_at)
        if question.pair is self._agent.selected:
            self.heard()
        elif self.silent:
            self._agent.other_works(question.pair)

    def _measured(self, seconds: float) -> None:
        self.round_trips.append(seconds)
        average = self.round_trip_time
        if average is None:
            self.round_trip_time = seconds
        else:
            self.round_trip_time = average + SMOOTHING * (seconds - average)

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        interval = min(self._interval, LOST_INTERVAL) if self._unanswered else self._interval
        delay = interval * random.uniform(0.8, 1.2)  # noqa: S311 - RFC 7675, 5.1, no secret
        if (limit := self._agent.silence_limit()) is not None:
            delay = min(delay, max(self._heard_at + limit - self._loop.time(), 0.0))
        self._timer = self._loop.call_later(delay, self._tick)

    def _tick(self) -> None:
        self._agent.silent_for(self._loop.time() - self._heard_at)
        if self._agent.selected is None or self._timer is None:
            return  # it has failed
        self._ask()
        self._schedule()

    def _ask(self) -> None:
        self._asked_at = self._loop.time()
        self.silent = self._unanswered >= SILENT_AFTER
        self._unanswered += 1
        if self.silent:
            self._agent.look_for_another()
        for pair in self._agent.pairs_to_ask(PAIRS_MAX if self.silent else 1):
            self._send(pair)

    def _send(self, pair: CandidatePair) -> None:
        request = self._agent.build_request(pair, nominate=False)
        key, now = self._agent.remote_key, self._loop.time()
        request.add_message_integrity(key)
        controlling = self._agent.ice_controlling
        question = _Question(self, pair, key, request.transaction_id, now, controlling)
        if len(self._questions) >= ASKED_MAX:
            self._questions.popleft().forget()
        self._questions.append(question)
        pair.protocol.transactions[request.transaction_id] = question  # type: ignore[assignment]
        pair.protocol.send_stun(request, pair.remote_addr)
