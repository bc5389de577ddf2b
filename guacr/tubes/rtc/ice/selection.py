"""The selection of a pair among those that work (RFC 8445, 8): nomination, and another pair when
the selected one is silent or lost.

A base of `guacr.tubes.rtc.ice.agent.Agent`, which asks on the selected pair whether the peer is
there.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod

from aioice import stun
from aioice.ice import CandidatePair, StunProtocol, candidate_pair_priority
from typing_extensions import override

from guacr.tubes.rtc.ice.checks import Checks
from guacr.tubes.rtc.ice.settings import IceParameters

RELAY_WAIT = 0.5
"""Seconds for which a pair without a relay is awaited when one with a relay works."""
NOMINATIONS_APART = 3.0
"""Seconds after which the peer may change to a pair of lower priority. Before, some peers nominate
all pairs that work."""


class Selection(Checks):
    """Checks that lead to a pair.

    Attributes:
        selected: the pair in use.
        gathered: all local candidates are known.
    """

    def __init__(self, local: IceParameters, *, controlling: bool, relay_only: bool) -> None:
        super().__init__(local, controlling=controlling)
        self.selected: CandidatePair | None = None
        self.gathered = False
        self._relay_only = relay_only
        self._nomination: asyncio.Task[None] | None = None
        self._wait_timer: asyncio.TimerHandle | None = None
        self._started_at = 0.0
        self._selected_at = 0.0

    # ---- what is decided elsewhere

    @property
    @abstractmethod
    def is_silent(self) -> bool:
        """True if the peer does not answer on the selected pair."""

    @abstractmethod
    def pair_selected(self, *, instead: CandidatePair | None) -> None:
        """Use the selected pair, instead of another one unless it is the first."""

    @abstractmethod
    def pair_lost(self) -> None:
        """Learn that the socket of the selected pair is closed, and no other pair has worked."""

    # ---- the selected pair

    @override
    def needs_pairs(self) -> bool:
        return self.selected is None or self.is_silent

    @override
    def pair_works(self, pair: CandidatePair) -> None:
        if self.is_silent:
            self._fail_over(pair)
        elif pair.remote_nominated and not self.ice_controlling:
            self._accept_nomination(pair)

    @override
    def pair_asked(self, pair: CandidatePair, *, nominated: bool) -> None:
        if pair.state is CandidatePair.State.SUCCEEDED:
            if nominated:
                self._accept_nomination(pair)
            elif self.is_silent:
                self._fail_over(pair)

    @override
    def pairs_changed(self) -> None:
        self._nominate_best()

    def _nominate_best(self) -> None:
        """As the controlling agent, select the best pair that works, unless a better one is
        likely to (RFC 8445, 8.1.1)."""
        if not self.ice_controlling or self._closing or self.selected is not None:
            return
        working = (p for p in self._check_list if p.state is CandidatePair.State.SUCCEEDED)
        if (best := next(working, None)) is None:
            return
        left = self._started_at + RELAY_WAIT - self._loop.time()
        if left > 0 and _is_relayed(best) and self._may_find_direct():
            self._wait(left)
            return
        self._select(best)
        self._nominate(best)

    def _may_find_direct(self) -> bool:
        if self._relay_only:
            return False
        if self._remote_candidates_end and not self._remote_candidates_resolving and self.gathered:
            return any(
                not _is_relayed(pair) and pair.state is not CandidatePair.State.FAILED
                for pair in self._check_list
            )
        return True

    def _nominate(self, pair: CandidatePair) -> None:
        if self._nomination is not None:
            self._nomination.cancel()
        name = f"the nomination of {pair}"
        self._nomination = self._loop.create_task(self._tell_nomination(pair), name=name)

    async def _tell_nomination(self, pair: CandidatePair) -> None:
        """Tell the peer until it answers; silence is noticed by `keep_alive`."""
        try:
            await self._ask(pair, nominate=True)
        except stun.TransactionFailed as error:
            self.refused(error.response, controlling=True)
        except stun.TransactionError:
            pass

    def _accept_nomination(self, pair: CandidatePair) -> None:
        """As the controlled agent, use the pair that the peer wants."""
        if (selected := self.selected) is pair:
            return
        if selected is not None and not self.is_silent:
            lower = self._priority(pair) < self._priority(selected)
            if lower and self._loop.time() - self._selected_at < NOMINATIONS_APART:
                return
        self._select(pair)

    def _priority(self, pair: CandidatePair) -> int:
        return candidate_pair_priority(
            pair.local_candidate, pair.remote_candidate, self.ice_controlling
        )

    def other_works(self, pair: CandidatePair) -> None:
        """Learn that the peer has answered on another pair while the selected one is silent."""
        self._fail_over(pair)

    def _fail_over(self, pair: CandidatePair) -> None:
        """Use another pair that works, since the selected one is silent."""
        self._select(pair)
        if self.ice_controlling:
            self._nominate(pair)

    def _select(self, pair: CandidatePair) -> None:
        pair.nominated, replaced = True, self.selected
        self.selected = pair
        self._nominated[1] = pair
        self._selected_at = self._loop.time()
        for other in self._check_list:
            if other is not pair and other.state is CandidatePair.State.IN_PROGRESS:
                self._set_aside(other)
        self.pair_selected(instead=replaced)

    def pairs_to_ask(self, limit: int) -> list[CandidatePair]:
        """Return the selected pair, and with a higher limit others that have worked."""
        if self.selected is None:
            return []
        others = (
            pair
            for pair in self._check_list
            if pair.state is CandidatePair.State.SUCCEEDED and pair is not self.selected
        )
        return [self.selected, *others][:limit]

    def protocol_lost(self, protocol: StunProtocol) -> None:
        """Use another pair if the allocation of the selected one is lost."""
        if self._closing:
            return
        for pair in [pair for pair in self._check_list if pair.protocol is protocol]:
            self._set_aside(pair)
            self._check_list.remove(pair)
        if self.selected is None or self.selected.protocol is not protocol:
            return
        others = self.pairs_to_ask(2)[1:]
        if others:
            self._fail_over(others[0])
        else:
            self.pair_lost()

    def _wait(self, seconds: float) -> None:
        """Decide later; one decision is waited for at most."""
        if self._wait_timer is not None:
            self._wait_timer.cancel()
        self._wait_timer = self._loop.call_later(seconds, self.pairs_changed)


def _is_relayed(pair: CandidatePair) -> bool:
    return "relay" in (pair.local_candidate.type, pair.remote_candidate.type)
