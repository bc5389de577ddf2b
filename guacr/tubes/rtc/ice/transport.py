"""The ICE transport of a peer connection: datagrams over the best pair of addresses that works
(RFC 8445), candidates as they are found (RFC 8838), and restarts.

    transport = IceTransport(settings, controlling=True, on_datagram=…, on_candidate=…, on_state=…)
    transport.local                       # for the offer or the answer
    asyncio.create_task(transport.gather())
    transport.set_remote(IceParameters(ufrag, password))
    transport.add_remote_candidate("candidate:…")
    transport.send(datagram)
    await transport.close()

A restart makes a second agent (`guacr.tubes.rtc.ice.agent`) with sockets of its own, so that it
also works when the network has changed; the first carries data until the second has a pair.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from guacr.tubes.rtc.ice.agent import Agent, AgentEvents
from guacr.tubes.rtc.ice.candidates import RemoteCandidate, parse, text_of
from guacr.tubes.rtc.ice.gathering import Gathering
from guacr.tubes.rtc.ice.settings import IceParameters, IceSettings, IceState

log = logging.getLogger(__name__)

OLD_PAIR_FOR = 3.0
"""Seconds for which the old sockets still receive after a restart: the peer may change later."""
EARLY_MAX = 32
"""Candidates that are kept for a restart of the peer of which they are the first that is heard."""


@dataclass(frozen=True, slots=True)
class IceStats:
    """The pair that a transport uses, and the bytes that it has carried."""

    local: str
    """The local candidate of the pair in use; empty without one."""
    remote: str
    round_trip_time: float | None
    """Seconds, smoothed; None until it has been measured."""
    round_trips: tuple[float, ...]
    """The last ones that were measured, in seconds."""
    bytes_sent: int
    bytes_received: int


class IceTransport:
    """Connects this end with a peer; made and used in a running event loop.

    `on_datagram` gets each datagram of the peer, `on_candidate` each local candidate as text and an
    empty one at the end of gathering (for each generation), `on_state` each state. `on_recovered`
    is called when the peer answers again after some seconds of silence, or another pair takes over:
    what was lost should be sent again. They are called from the event loop and must not raise.
    """

    def __init__(
        self,
        settings: IceSettings,
        *,
        controlling: bool,
        on_datagram: Callable[[bytes], None],
        on_candidate: Callable[[str], None],
        on_state: Callable[[IceState], None],
        on_recovered: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._on_candidate = on_candidate
        self._on_state = on_state
        self._on_recovered = on_recovered
        self._loop = asyncio.get_running_loop()
        self._events = AgentEvents(on_datagram, self._agent_changed, self._agent_recovered)
        self._warned: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._gatherings: dict[Agent, tuple[Gathering, asyncio.Task[None]]] = {}
        self._closing: asyncio.Task[None] | None = None
        self._sendto: Callable[[bytes, tuple[str, int]], None] | None = None
        self._remote_addr = ("", 0)
        self._bytes_sent = self._bytes_received = 0
        self._answer_timer: asyncio.TimerHandle | None = None
        """Of a restart to which the peer has not answered."""
        self._retiring: dict[Agent, asyncio.TimerHandle] = {}
        self._early: list[RemoteCandidate] = []
        self._current = self._new_agent(controlling=controlling)
        self._next: Agent | None = None
        self.state = IceState.NEW

    # ---- this end

    @property
    def local(self) -> IceParameters:
        """The credentials of this end: those of a restart as soon as it has begun."""
        return (self._next or self._current).local

    @property
    def remote(self) -> IceParameters | None:
        """The peer's credentials, of the newest generation that has some."""
        following = self._next and self._next.remote
        return following or self._current.remote

    @property
    def is_restarting(self) -> bool:
        """True while a restart has neither succeeded nor failed."""
        return self._next is not None

    @property
    def is_controlling(self) -> bool:
        """The role, which changes if the peer has the same."""
        return (self._next or self._current).ice_controlling

    @property
    def failure(self) -> str:
        """The reason of the state FAILED, a clause; empty in other states."""
        return self._current.failure if self.state is IceState.FAILED else ""

    @property
    def stats(self) -> IceStats:
        """The pair in use, its round-trip time, and the bytes of all generations."""
        agent = self._current
        pair = agent.selected
        received = self._bytes_received + agent.bytes_received
        received += self._next.bytes_received if self._next is not None else 0
        return IceStats(
            local=text_of(pair.local_candidate) if pair else "",
            remote=text_of(pair.remote_candidate) if pair else "",
            round_trip_time=agent.keep_alive.round_trip_time,
            round_trips=tuple(agent.keep_alive.round_trips),
            bytes_sent=self._bytes_sent,
            bytes_received=received,
        )

    async def gather(self) -> None:
        """Gather the candidates of the newest generation, and wait for the last of them.

        Those of the interfaces are told at once, others as the servers answer. It may be called
        again, and cancelled: that ends no more than the waiting. A restart gathers by itself.
        """
        if self._closing is None:
            _, task = self._gathering(self._next or self._current)
            await asyncio.shield(task)

    async def gather_for_description(self) -> None:
        """As `gather`, but do not wait for servers that are slow (`description_wait`).

        Their candidates are told later, and used for checks if there is nobody to tell: the peer
        learns of them by these.
        """
        if self._closing is None:
            gathering, _ = self._gathering(self._next or self._current)
            await gathering.wait_for_description()

    async def gather_hosts(self) -> None:
        """As `gather`, but wait for the candidates of the interfaces alone, some milliseconds.

        They should be in the description, also if others are trickled: our checks may reach the
        peer before trickled candidates do, and keeper-pam-webrtc-rs, as the offerer, waits for a
        second before it uses an address that it knows from checks alone.
        """
        if self._closing is None:
            agent = self._next or self._current
            self._gathering(agent)
            await agent.hosts_told.wait()

    def send(self, datagram: bytes) -> None:
        """Send a datagram. It is dropped while there is no pair, or the peer does not answer for so
        long that it counts as disconnected (RFC 7675, 5.1)."""
        if self._sendto is not None:
            self._bytes_sent += len(datagram)
            self._sendto(datagram, self._remote_addr)

    def restart(self) -> IceParameters:
        """Begin a restart (RFC 8445, 9) and return the new credentials of this end.

        They go to the peer in an offer or answer; `set_remote` and `add_remote_candidate` are for
        the new generation from now on. Data goes over the old pair until the new one is found. If
        none is, or the peer's credentials do not come within `connect_timeout`, the old one stays.

        Raises:
            RuntimeError: the transport is closed.
        """
        if self._closing is not None:
            raise RuntimeError("the ICE transport is closed: make another one")
        agent = self._begin_restart()
        self._answer_timer = self._loop.call_later(
            self._settings.connect_timeout, self._give_up, agent
        )
        return agent.local

    def _begin_restart(self) -> Agent:
        self._abandon("another one has begun")
        self._next = agent = self._new_agent(controlling=self._current.ice_controlling)
        self._gathering(agent)
        return agent

    # ---- the peer

    def set_remote(self, parameters: IceParameters) -> None:
        """Take the peer's credentials, and begin the checks.

        Known ones change nothing, except that they end a restart to which the peer has not agreed.
        Others than before begin a restart unless one has begun: `local` has changed then, and goes
        to the peer.
        """
        if self._closing is not None:
            return
        following = self._next
        if parameters == self.remote:
            if following is not None and following.remote is None:
                self._abandon("the peer has kept its credentials")
        elif self._current.remote is None:
            self._current.set_remote(parameters)
        else:
            if following is None or following.remote is not None:
                following = self._begin_restart()
            self._cancel_answer_timer()
            following.set_remote(parameters)
            early, self._early = self._early, []
            for found in early:
                if found.ufrag == parameters.ufrag:
                    self._add(found)
        self._update()

    def add_remote_candidate(self, text: str) -> None:
        """Take a candidate of the peer, as `candidate:…`; an empty text is the end of candidates.

        They may come before the credentials. Those that cannot be used are ignored, as are all
        after the first 100.

        Raises:
            CandidateError: it is not a candidate; nothing has changed.
        """
        newest = self._next or self._current
        if self._closing is not None:
            return
        if not text.strip():
            newest.end_remote()
            return
        found = parse(text)
        if found is None:
            log.debug("ICE: a candidate of the peer is ignored: %.200s", text)
        else:
            self._add(found)

    def _add(self, found: RemoteCandidate) -> None:
        old = self._current.remote
        is_old = old is not None and old.ufrag == found.ufrag
        if self._next is None and found.ufrag and old is not None and not is_old:
            self._early = [*self._early, found][-EARLY_MAX:]
            return
        agent = self._current if self._next is None or is_old else self._next
        if not agent.add_remote(found):
            self._warn_once("ICE: the peer tells too many candidates: the rest is ignored")

    # ---- agents

    def _new_agent(self, *, controlling: bool) -> Agent:
        local = IceParameters.new()
        return Agent(self._settings, self._events, local, controlling=controlling)

    def _gathering(self, agent: Agent) -> tuple[Gathering, asyncio.Task[None]]:
        found = self._gatherings.get(agent)
        if found is None:
            tell = partial(self._candidate, agent)
            gathering = Gathering(agent, self._settings, tell, self._warn_once)
            task = self._start(gathering.run(), "gathering candidates")
            found = self._gatherings[agent] = gathering, task
        return found

    def _candidate(self, agent: Agent, text: str) -> None:
        if agent is (self._next or self._current) and self._closing is None:
            self._on_candidate(text)

    def _agent_changed(self, agent: Agent) -> None:
        if agent is self._next and agent.state is IceState.CONNECTED:
            self._take_over(agent)
        elif agent is self._next and agent.state is IceState.FAILED:
            self._abandon(agent.failure)
        elif agent is self._current and agent.state is IceState.FAILED:
            log.info("ICE: %s", agent.failure)
        self._update()

    def _agent_recovered(self, agent: Agent) -> None:
        if agent is self._current and self._closing is None:
            self._on_recovered()

    def _take_over(self, agent: Agent) -> None:
        """Use the agent of a restart, and the old one no more but for what is still on its way."""
        old, self._current, self._next = self._current, agent, None
        self._cancel_answer_timer()
        self._retiring[old] = self._loop.call_later(OLD_PAIR_FOR, self._retire, old)
        self._loop.call_soon(self._agent_recovered, agent)  # when it is in use

    def _give_up(self, agent: Agent) -> None:
        if agent is self._next:
            self._abandon("the peer has not answered it")
            self._update()

    def _abandon(self, reason: str) -> None:
        """End a restart, if there is one, without success."""
        agent, self._next = self._next, None
        self._cancel_answer_timer()
        if agent is not None:
            log.info("ICE: a restart has ended: %s", reason)
            self._retire(agent)

    def _cancel_answer_timer(self) -> None:
        if self._answer_timer is not None:
            self._answer_timer.cancel()
            self._answer_timer = None

    def _retire(self, agent: Agent) -> None:
        if (timer := self._retiring.pop(agent, None)) is not None:
            timer.cancel()
        agent.stop()
        self._start(self._close_agent(agent), "closing an ICE agent")

    async def _close_agent(self, agent: Agent) -> None:
        _, task = self._gatherings.pop(agent, (None, None))
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait((task,))
        await agent.close()
        self._bytes_received += agent.bytes_received
        agent.bytes_received = 0

    def _update(self) -> None:
        """Follow the agents: where datagrams go, and the state."""
        pair = self._current.selected
        if pair is not None and self._current.state is IceState.CONNECTED:
            self._sendto, self._remote_addr = pair.protocol.transport.sendto, pair.remote_addr
        else:
            self._sendto = None
        state = self._current.state
        if state is IceState.FAILED and self._next is not None:
            state = IceState.CHECKING
        if self._closing is None and state is not self.state:
            self.state = state
            self._on_state(state)

    # ---- tasks and the end

    def _warn_once(self, sentence: str) -> None:
        if sentence not in self._warned:
            self._warned.add(sentence)
            log.warning("%s", sentence)

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = self._loop.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("ICE: %s has failed", task.get_name(), exc_info=error)

    async def close(self) -> None:
        """Release everything, within about a second: TURN servers are told. May be called again."""
        if self._closing is None:
            self._closing = self._loop.create_task(self._closed(), name="closing ICE")
            self._abandon("the transport is closed")
            for agent in (self._current, *self._retiring):
                self._retire(agent)
            self._sendto = None
            self.state = IceState.CLOSED
            self._on_state(IceState.CLOSED)
        await asyncio.shield(self._closing)

    async def _closed(self) -> None:
        while self._tasks:
            await asyncio.wait(self._tasks)
