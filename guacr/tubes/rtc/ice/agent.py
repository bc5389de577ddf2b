"""One generation of ICE: credentials, sockets, and the checks that lead to a pair (RFC 8445).

A restart makes another agent; `IceTransport` has one, or two for a while. aioice's `Connection`
has the messages, their authentication, the roles and the candidates of a peer; overridden, here and
in `guacr.tubes.rtc.ice.checks` and `guacr.tubes.rtc.ice.selection`, are

- the check list: pairs are checked as soon as both candidates are known, whatever is gathered
  later, and its length is bounded;
- the nomination: one pair, the first that works unless it is relayed and another may still work
  (aioice nominates every pair, and uses the last);
- what happens then: the peer is asked whether it is there (`keep_alive`), but silence closes
  nothing;
- data, which takes no queue.

`tests/guacr/tubes/rtc/ice/test_aioice.py` holds what is used of it to the installed version.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aioice.candidate import Candidate
from aioice.ice import CandidatePair
from typing_extensions import override

from guacr.tubes.rtc.ice import mdns
from guacr.tubes.rtc.ice.candidates import RemoteCandidate, is_reachable
from guacr.tubes.rtc.ice.checks import REMOTE_MAX
from guacr.tubes.rtc.ice.keep_alive import KeepAlive
from guacr.tubes.rtc.ice.selection import Selection
from guacr.tubes.rtc.ice.settings import IceParameters, IceSettings, IceState
from guacr.tubes.rtc.ice.stun_endpoint import Endpoint

NAMES_MAX = 8
"""Names of multicast DNS that are looked up."""
FAIL_EARLIEST = 5.0
"""Seconds for which the peer may still ask from an address that it has not told."""


@dataclass(frozen=True, slots=True)
class AgentEvents:
    """Who is told what."""

    on_datagram: Callable[[bytes], None]
    on_changed: Callable[[Agent], None]
    """The state, or the selected pair, is another one."""
    on_recovered: Callable[[Agent], None]
    """The peer answers again after a silence."""


class Agent(Selection):
    """The agent of one generation. Its sockets are made by `guacr.tubes.rtc.ice.gathering`.

    Its log is silent but for `failure`, the reason of the state FAILED.
    """

    def __init__(
        self,
        settings: IceSettings,
        events: AgentEvents,
        local: IceParameters,
        *,
        controlling: bool,
    ) -> None:
        super().__init__(local, controlling=controlling, relay_only=settings.relay_only)
        self.state = IceState.NEW
        self.failure = ""
        self.hosts_told = asyncio.Event()
        """Set when the candidates of the interfaces have been told, or never will be."""
        self.bytes_received = 0
        self._settings = settings
        self._events = events
        self._on_datagram = events.on_datagram
        self.keep_alive = KeepAlive(self, settings.keep_alive)
        self._told = 0
        self._names: set[asyncio.Task[None]] = set()
        self._deadline: asyncio.TimerHandle | None = None

    # ---- data

    def receive(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take a datagram that is no STUN message."""
        if addr in self._known:
            if self.keep_alive.silent:
                self.keep_alive.hasten()
            self.bytes_received += len(data)
            self._on_datagram(data)

    # ---- the peer's parameters and candidates

    def set_remote(self, remote: IceParameters) -> None:
        """Begin the checks."""
        self.remote = remote
        self.remote_username, self.remote_password = remote.ufrag, remote.password
        self.remote_key = remote.password.encode()
        self._started_at = self._loop.time()
        self._deadline = self._loop.call_later(
            self._settings.connect_timeout,
            self.fail,
            f"no pair of candidates has worked for {self._settings.connect_timeout:g} s",
        )
        self._set_state(IceState.CHECKING)
        self._pair_all()
        early, self._early = self._early, {}
        for (protocol, addr), message in early.items():
            self.check_incoming(message, addr, protocol)
        self.pairs_changed()

    def add_endpoint(self, endpoint: Endpoint, candidate: Candidate) -> None:
        """Use a socket, and check its pairs with the candidates of the peer."""
        endpoint.local_candidate = candidate
        self._protocols.append(endpoint)
        if self.remote is not None:
            self._pair_all()

    def add_remote(self, remote: RemoteCandidate) -> bool:
        """Take a candidate of the peer; return False if it has told too many."""
        if self._closing:
            return True
        self._told += 1
        if self._told > REMOTE_MAX or (remote.is_name and len(self._names) >= NAMES_MAX):
            return False
        if remote.is_name:
            task = self._loop.create_task(self._look_up(remote.candidate), name="a name of mDNS")
            self._names.add(task)
        else:
            self._add_reachable(remote.candidate, remote.candidate.host)
        return True

    def end_remote(self) -> None:
        """Note that the peer has told all its candidates."""
        self._remote_candidates_end = True
        self.pairs_changed()

    def end_local(self) -> None:
        """Note that all local candidates are known."""
        self.gathered = True
        self.pairs_changed()

    async def _look_up(self, candidate: Candidate) -> None:
        """Find the address of a browser that hides it behind a name in its local network."""
        self._remote_candidates_resolving += 1
        try:
            if not self._settings.relay_only:  # a relay could not reach it
                address = await mdns.resolve(candidate.host)
                if address is not None and not self._closing:
                    self._add_reachable(candidate, address)
        finally:
            self._remote_candidates_resolving -= 1
        self.pairs_changed()

    def _add_reachable(self, candidate: Candidate, address: str) -> None:
        if is_reachable(address, loopback=self._settings.loopback):
            self._add_remote_candidate(candidate, address)

    # ---- the selected pair

    @override
    def needs_pairs(self) -> bool:
        return self.state is not IceState.FAILED and super().needs_pairs()

    @override
    def pairs_changed(self) -> None:
        super().pairs_changed()
        self._maybe_fail()

    @override
    def pair_asked(self, pair: CandidatePair, *, nominated: bool) -> None:
        if pair is self.selected:
            self.keep_alive.heard()
        else:
            super().pair_asked(pair, nominated=nominated)

    @property
    @override
    def is_silent(self) -> bool:
        return self.keep_alive.silent

    @override
    def pair_selected(self, *, instead: CandidatePair | None) -> None:
        self._cancel_timers()
        self.keep_alive.start()
        self._set_state(IceState.CONNECTED, changed=True)
        if instead is not None:
            self._events.on_recovered(self)

    @override
    def pair_lost(self) -> None:
        self._set_state(IceState.DISCONNECTED)

    # ---- whether the peer is there

    def look_for_another(self) -> None:
        """Check the pairs that have not been, since the selected one is silent."""
        self._pace()

    def silence_limit(self) -> float | None:
        """Return the seconds of silence after which the state changes next."""
        if self.state is IceState.CONNECTED:
            return self._settings.disconnected_after
        return self._settings.disconnected_after + self._settings.failed_after

    def silent_for(self, seconds: float) -> None:
        """Change the state if the peer has been silent for long."""
        limit = self._settings.disconnected_after
        if seconds >= limit + self._settings.failed_after:
            self.fail(f"the peer has not answered for {seconds:.0f} s")
        elif seconds >= limit:
            self._set_state(IceState.DISCONNECTED)

    def recovered(self) -> None:
        """Note that the peer answers again."""
        self._set_state(IceState.CONNECTED)
        self._events.on_recovered(self)

    # ---- the end

    @override
    def may_answer(self, addr: tuple[str, int]) -> bool:
        return self.state is not IceState.FAILED and super().may_answer(addr)

    def _maybe_fail(self) -> None:
        """Fail if nothing can work any more."""
        if self.selected is not None or self.remote is None or self.state is IceState.FAILED:
            return
        open_end = not self._remote_candidates_end or self._remote_candidates_resolving > 0
        if open_end or not self.gathered:
            return
        if any(pair.state is not CandidatePair.State.FAILED for pair in self._check_list):
            return
        left = self._started_at + FAIL_EARLIEST - self._loop.time()
        if left > 0:
            self._wait(left)
        else:
            self.fail("no pair of candidates works")

    def fail(self, reason: str) -> None:
        """Give up: only another agent can connect again."""
        if self._closing or self.state is IceState.FAILED:
            return
        self.failure = reason
        self.selected = None
        self._nominated.clear()
        self.keep_alive.stop()
        self._cancel_timers()
        for pair in self._check_list:
            self._set_aside(pair)
        self._set_state(IceState.FAILED)

    def _set_state(self, state: IceState, *, changed: bool = False) -> None:
        if state is not self.state or changed:
            self.state = state
            self._events.on_changed(self)

    def _cancel_timers(self) -> None:
        for timer in (self._pace_timer, self._wait_timer, self._deadline):
            if timer is not None:
                timer.cancel()
        self._pace_timer = self._wait_timer = self._deadline = None

    def stop(self) -> None:
        """Take and tell nothing more."""
        self._closing = True
        self.hosts_told.set()
        self._known.clear()
        self.state = IceState.CLOSED
        self.selected = None
        self.keep_alive.stop()
        self._cancel_timers()

    async def close(self) -> None:
        """Release the sockets and allocations, and end all tasks."""
        self.stop()
        tasks = {pair.task for pair in self._check_list if pair.task is not None} | self._names
        if self._nomination is not None:
            tasks.add(self._nomination)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await asyncio.gather(*(protocol.close() for protocol in self._protocols))
        self._protocols.clear()
        self._check_list.clear()
        self._nominated.clear()
        self._closed = True
