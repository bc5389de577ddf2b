"""The check list of an agent, and the checks in both directions (RFC 8445, 6 and 7).

A base of `guacr.tubes.rtc.ice.agent.Agent`, which decides what happens with the pairs that work.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import cast

from aioice import stun
from aioice.candidate import Candidate
from aioice.ice import CandidatePair, Connection, StunProtocol

from guacr.tubes.rtc.ice.candidates import can_pair, peer_reflexive_candidate
from guacr.tubes.rtc.ice.settings import IceParameters
from guacr.tubes.token_bucket import TokenBucket

REMOTE_MAX = 100
"""Candidates that a peer may tell; more are ignored."""
ADDRESSES_MAX = REMOTE_MAX + 28
"""Addresses of a peer, with those from which it asks without having told them."""
PAIRS_MAX = 100
"""Pairs in the check list (RFC 8445, 6.1.2.5)."""
PACE = 0.01
"""Seconds between the beginnings of two checks (Ta in RFC 8445, 14)."""
RESEND_AFTER = 0.02
"""Seconds after which a check that waits for its answer is sent again because the peer asks: it was
not ready for the first one."""
ROLE_CONFLICT = 487
ROLE_CHANGES_MAX = 4
"""Role conflicts in one check."""
CHECKS_PER_SECOND, CHECKS_AT_ONCE = 100.0, 300.0
"""Checks of the peer that are looked at; as many again from addresses that are not known to be its
own."""


class Pair(CandidatePair):
    """A local and a remote candidate."""

    request: stun.Message | None = None
    """Its last check."""
    sent_at = 0.0
    """The event loop's time when that was sent for the first time, or because the peer asked."""


class Checks(Connection):
    """A connection of aioice with another check list."""

    def __init__(self, local: IceParameters, *, controlling: bool) -> None:
        super().__init__(controlling, local_username=local.ufrag, local_password=local.password)
        self.local = local
        self.remote: IceParameters | None = None
        self.remote_key = b""
        self._loop = asyncio.get_running_loop()
        self._checks = TokenBucket(CHECKS_PER_SECOND, CHECKS_AT_ONCE)
        self._strangers = TokenBucket(CHECKS_PER_SECOND, CHECKS_AT_ONCE)
        self._known: set[tuple[str, int]] = set()
        """Addresses from which the peer has authenticated itself: data is taken from them alone."""
        self._early: dict[tuple[StunProtocol, tuple[str, int]], stun.Message] = {}
        """Checks of the peer before its parameters are known: the last from each address."""
        self._early_checks_done = True  # aioice's own list of them is not used
        self._pace_timer: asyncio.TimerHandle | None = None

    # ---- what is decided elsewhere

    @abstractmethod
    def needs_pairs(self) -> bool:
        """Return whether checks may begin."""

    @abstractmethod
    def pair_works(self, pair: CandidatePair) -> None:
        """Learn that the peer has answered on a pair."""

    @abstractmethod
    def pair_asked(self, pair: CandidatePair, *, nominated: bool) -> None:
        """Learn that the peer has asked on a pair, and whether it has nominated it by that."""

    @abstractmethod
    def pairs_changed(self) -> None:
        """Learn that a check has ended, or the role has changed."""

    # ---- the check list

    def _pair_all(self) -> None:
        for candidate in self._remote_candidates:
            self._pair_remote_candidate(candidate)

    def _pair_remote_candidate(self, remote_candidate: Candidate) -> None:
        if self.remote is None:
            return  # paired later
        for protocol in self._protocols:
            if not protocol.transport.is_closing() and can_pair(
                protocol.local_candidate.host, remote_candidate._network_host
            ):
                self._admit(protocol, remote_candidate)
        self._pace()

    def _admit(self, protocol: StunProtocol, remote: Candidate) -> Pair | None:
        """Return the pair of the check list, a new one if need be; None if the list is full of
        pairs with higher priority."""
        if (found := self._find_pair(protocol, remote)) is not None:
            return cast(Pair, found)
        pair = Pair(protocol, remote)
        self.check_state(pair, CandidatePair.State.WAITING)
        self._check_list.append(pair)
        self.sort_check_list()
        if len(self._check_list) > PAIRS_MAX:
            self._drop_last()
        return pair if pair in self._check_list else None

    def _drop_last(self) -> None:
        for pair in reversed(self._check_list):
            if pair.state is not CandidatePair.State.SUCCEEDED:
                self._check_list.remove(pair)
                if pair.task is not None:
                    pair.task.cancel()
                return
        del self._check_list[-1]

    def _pace(self) -> None:
        """Begin the next check now, unless one has just begun."""
        if self._pace_timer is None:
            self._next_check()

    def _next_check(self) -> None:
        self._pace_timer = None
        if self._closing or not self.needs_pairs():
            return
        for pair in self._check_list:
            if pair.state is CandidatePair.State.WAITING and pair.task is None:
                self.check_start_task(pair)
                self._pace_timer = self._loop.call_later(PACE, self._next_check)
                return

    # ---- checks of this end

    def check_start_task(self, pair: CandidatePair) -> None:
        """Begin a check unless it is in progress."""
        if pair.task is None and not self._closing:
            self.check_state(pair, CandidatePair.State.IN_PROGRESS)
            pair.task = self._loop.create_task(self.check_start(pair), name=f"a check of {pair}")

    async def check_start(self, pair: CandidatePair) -> None:
        """Ask the peer on a pair; it works if the answer comes from where the question went."""
        for _ in range(ROLE_CHANGES_MAX):
            controlling = self.ice_controlling
            try:
                _, addr = await self._ask(pair, nominate=False)
            except stun.TransactionFailed as error:
                if not self.refused(error.response, controlling=controlling):
                    break
            except stun.TransactionError:
                break
            else:
                if addr == pair.remote_addr:
                    self.check_state(pair, CandidatePair.State.SUCCEEDED)
                    self.check_complete(pair)
                    return
                break
        self.check_state(pair, CandidatePair.State.FAILED)
        self.check_complete(pair)

    async def _ask(
        self, pair: CandidatePair, *, nominate: bool
    ) -> tuple[stun.Message, tuple[str, int]]:
        request = self.build_request(pair, nominate=nominate)
        checked = cast(Pair, pair)
        checked.request, checked.sent_at = request, self._loop.time()
        return await pair.protocol.request(request, pair.remote_addr, integrity_key=self.remote_key)

    def refused(self, message: stun.Message, *, controlling: bool) -> bool:
        """Take an error for a question in a role; return whether it was a role conflict, so that
        the role is another one now (RFC 8445, 7.2.5.1)."""
        if message.error_code != ROLE_CONFLICT:
            return False
        if self.ice_controlling == controlling:
            self.switch_role(not controlling)
        return True

    def switch_role(self, ice_controlling: bool) -> None:
        """Take another role; as the controlling one it is this agent that nominates."""
        super().switch_role(ice_controlling)
        self.pairs_changed()

    def check_complete(self, pair: CandidatePair) -> None:
        """Go on when a check has ended, or the peer has nominated a pair."""
        pair.task = None
        if pair.state is CandidatePair.State.SUCCEEDED:
            self._known.add(pair.remote_addr)
            self.pair_works(pair)
        self.pairs_changed()

    # ---- checks of the peer

    def may_answer(self, addr: tuple[str, int]) -> bool:
        """Return whether one more question may be looked at now. Strangers cannot use up what is
        for the addresses of the peer."""
        checks = self._checks if addr in self._known else self._strangers
        return not self._closing and checks.take()

    def request_received(
        self, message: stun.Message, addr: tuple[str, int], protocol: StunProtocol
    ) -> None:
        """Answer a question of the peer."""
        if "PRIORITY" in message.attributes:
            super().request_received(message, addr, protocol)

    def respond_error(
        self,
        request: stun.Message,
        addr: tuple[str, int],
        protocol: StunProtocol,
        error_code: tuple[int, str],
    ) -> None:
        """Answer with an error, but not to strangers: their address may be forged."""
        if error_code[0] not in (400, 401):
            super().respond_error(request, addr, protocol, error_code)

    def check_incoming(
        self, message: stun.Message, addr: tuple[str, int], protocol: StunProtocol
    ) -> None:
        """Take an authenticated question that has been answered."""
        if addr not in self._known:
            if len(self._known) >= ADDRESSES_MAX:
                return
            self._known.add(addr)
        if self.remote is None:
            self._early[protocol, addr] = message
            return
        pair = self._admit(protocol, self._remote_at(addr, message))
        if pair is None:
            return
        self._trigger(pair)
        nominated = "USE-CANDIDATE" in message.attributes and not self.ice_controlling
        pair.remote_nominated = pair.remote_nominated or nominated
        self.pair_asked(pair, nominated=nominated)

    def _remote_at(self, addr: tuple[str, int], message: stun.Message) -> Candidate:
        for candidate in self._remote_candidates:
            if (candidate._network_host, candidate.port) == addr:
                return candidate
        priority = message.attributes["PRIORITY"]
        candidate = peer_reflexive_candidate(addr, priority, len(self._remote_candidates))
        self._remote_candidates.append(candidate)
        return candidate

    def _trigger(self, pair: Pair) -> None:
        """Check a pair on which the peer has asked, again if need be (RFC 8445, 7.3.1.4)."""
        if pair.state is CandidatePair.State.IN_PROGRESS:
            self._resend(pair)
        elif pair.state is not CandidatePair.State.SUCCEEDED:
            self.check_start_task(pair)

    def _resend(self, pair: Pair) -> None:
        now = self._loop.time()
        if pair.request is not None and now - pair.sent_at >= RESEND_AFTER:
            pair.sent_at = now
            pair.protocol.send_stun(pair.request, pair.remote_addr)

    def _set_aside(self, pair: CandidatePair) -> None:
        """End a check without a result."""
        if pair.task is not None:
            pair.task.cancel()
            pair.task = None
        self.check_state(pair, CandidatePair.State.WAITING)
