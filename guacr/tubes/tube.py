"""A tube: one peer connection with its conversations."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from guacr.errors import shorten
from guacr.tubes.backlog import Backlog
from guacr.tubes.conversation import Conversation, ConversationOptions
from guacr.tubes.errors import ConversationNotFoundError, PeerError, TubeError, WireError
from guacr.tubes.events import (
    FLOODED,
    NORMAL_EXIT,
    TUBE_CLOSED,
    CandidateFound,
    ConversationClosed,
    ConversationOpened,
    Event,
    LinkChanged,
    RestartOffered,
    TubeClosed,
    TubeEvent,
)
from guacr.tubes.link import Link
from guacr.tubes.plans import Plan
from guacr.tubes.reasons import CloseReason
from guacr.tubes.rtc.peer import PeerSettings, PeerState
from guacr.tubes.sctp import Channel
from guacr.tubes.unclaimed import Unclaimed
from guacr.tubes.wire.frames import message_limit

log = logging.getLogger("guacr.tubes")

RESTART_DELAY = 2.0
"""Seconds from the loss of the link until the offerer offers a restart."""
END_DELAY = 2.0
"""Seconds from the failure of the link until the tube is closed."""
CLOSE_TIMEOUT = 2.0
"""Seconds for what is still to be delivered at the end."""

GRACE = 0.1
"""Seconds between the last message and the end of the link: keeper-pam-webrtc-rs forgets the reason
that it was told when the link ends at the same time."""


class TubeState(StrEnum):
    """The course of a tube. READY: the channel of a conversation is open."""

    NEW = "new"
    CONNECTING = "connecting"
    ACTIVE = "active"
    READY = "ready"
    DISCONNECTED = "disconnected"
    FAILED = "failed"
    CLOSING = "closing"
    CLOSED = "closed"


@dataclass(slots=True)
class _Entry:
    plan: Plan
    conversation: Conversation | None = None


class Tube(Link):
    """One tube, made in a running event loop.

    Args:
        id: of the tube.
        settings: of its peer connection.
        offers: whether this end makes the offer. It then opens the channels of the conversations;
            otherwise, the peer does.
        on_event: called with each event; it must not raise anything.
        on_closed: called once it is closed.
        backlog: what its connections may leave; by default, with the usual limits.

    Attributes:
        was_connected: whether the peer connection has ever been established.
    """

    def __init__(
        self,
        id: str,  # noqa: A002 - the name of everything's identifier
        settings: PeerSettings,
        *,
        offers: bool,
        on_event: Callable[[TubeEvent], None],
        on_closed: Callable[[Tube], None],
        backlog: Backlog | None = None,
    ) -> None:
        super().__init__(settings, offers=offers)
        self.id = id
        self.state = TubeState.NEW
        self.was_connected = False
        self._on_event = on_event
        self._on_closed = on_closed
        self._backlog = backlog or Backlog()
        self._loop = asyncio.get_running_loop()
        self._entries: dict[str, _Entry] = {}
        self._unclaimed = Unclaimed(id)
        self._was_ready = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.peer.on_state = self._on_peer_state
        self.peer.on_channel = self._on_channel
        self.peer.on_candidate = lambda text: self._on_event(CandidateFound(text))

    def tell(self, event: Event) -> None:
        """Tell an event of one of its connections."""
        self._on_event(event)

    # ---- conversations

    def plan(self, name: str) -> Plan | None:
        """Return the parts of a conversation, None if there is none of this id."""
        entry = self._entries.get(name)
        return None if entry is None else entry.plan

    @property
    def conversations(self) -> dict[str, Conversation | None]:
        """By id; None for those whose channel is not open yet."""
        return {name: entry.conversation for name, entry in self._entries.items()}

    def add(self, plan: Plan) -> None:
        """Have another conversation; one of the same id is replaced once the new one is there.

        Raises:
            TubeError: the tube is closed.
        """
        if self.state in (TubeState.CLOSING, TubeState.CLOSED):
            raise TubeError(f"Tube {self.id} is closed")
        self._entries[plan.id] = entry = _Entry(plan)
        channel = self._unclaimed.claim(plan.id)
        if channel is not None:
            self._begin(entry, channel)
        elif self.offers and self.peer.state is PeerState.CONNECTED:
            self._open(entry)

    def close_conversation(self, name: str, reason: CloseReason) -> None:
        """Close one conversation; the tube stays.

        Raises:
            ConversationNotFoundError: there is none of this id.
        """
        entry = self._entries.get(name)
        if entry is None:
            raise ConversationNotFoundError(f"tube {self.id} has no conversation {shorten(name)}")
        if entry.conversation is not None:
            entry.conversation.close(reason)
        else:
            self._drop(entry, reason, NORMAL_EXIT)

    def _open(self, entry: _Entry) -> None:
        try:
            channel = self.peer.open_channel(entry.plan.id)
        except (ConnectionError, ValueError) as error:
            self._drop(entry, None, f"error: {error}")
        else:
            self._begin(entry, channel)

    def _begin(self, entry: _Entry, channel: Channel) -> None:
        remote = self.peer.remote
        try:
            message_max = message_limit(remote.max_message_size if remote is not None else 0)
        except WireError as error:
            channel.close()
            self._drop(entry, None, f"error: {error}")
            return
        entry.conversation = Conversation(
            channel,
            lambda event: self._on_conversation_event(entry, event),
            ConversationOptions(
                is_answerer=not self.offers,
                message_max=message_max,
                fragmented=entry.plan.fragmented,
            ),
            backend=entry.plan.backend,
            front=entry.plan.front,
            backlog=self._backlog,
        )

    def _drop(self, entry: _Entry, reason: CloseReason | None, outcome: str) -> None:
        """End a conversation that has not begun."""
        if self._entries.get(entry.plan.id) is entry:
            del self._entries[entry.plan.id]
        if entry.plan.front is not None:
            entry.plan.front.close()
        self._on_event(ConversationClosed(entry.plan.id, reason, outcome, by_peer=False))

    def _on_channel(self, channel: Channel) -> None:
        """The peer has opened a channel: its label says which conversation it is for."""
        entry = self._entries.get(channel.label)
        if entry is None:
            # A caller of the answering end may have given the only conversation another name.
            free = [one for one in self._entries.values() if one.conversation is None]
            entry = free[0] if len(self._entries) == 1 and free else None
        if entry is not None and entry.conversation is not None:
            channel.close()  # one channel for each conversation
        elif entry is not None and not self.offers:
            self._begin(entry, channel)
        else:
            self._unclaimed.add(channel)

    def _on_conversation_event(self, entry: _Entry, event: Event) -> None:
        if isinstance(event, ConversationOpened) and self.state is TubeState.ACTIVE:
            self._set_state(TubeState.READY)
        if not isinstance(event, ConversationClosed):
            self._on_event(event)
            return
        if self._entries.get(entry.plan.id) is entry:
            del self._entries[entry.plan.id]
        self._on_event(event)
        if event.outcome == FLOODED:  # its channel keeps what the peer does not read
            self.close_soon(CloseReason.PROTOCOL_ERROR)
        elif event.by_peer and not self._entries:
            self.close_soon(event.reason or CloseReason.CONNECTION_LOST)

    # ---- the link

    def _on_peer_state(self, state: PeerState) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._on_event(LinkChanged(state))
        if state is PeerState.CONNECTING:
            self._set_state(TubeState.CONNECTING)
        elif state is PeerState.CONNECTED:
            self._on_connected()
        elif state is PeerState.DISCONNECTED:
            self._set_state(TubeState.DISCONNECTED)
            if self.offers and self._trickle:
                self._timer = self._loop.call_later(RESTART_DELAY, self._offer_restart)
        elif state is PeerState.FAILED:
            self._set_state(TubeState.FAILED)
            self._timer = self._loop.call_later(
                END_DELAY, self.close_soon, CloseReason.CONNECTION_FAILED
            )
        elif state is PeerState.CLOSED:
            self.close_soon(CloseReason.CONNECTION_LOST)

    def _on_connected(self) -> None:
        self.was_connected = True
        conversations = [entry.conversation for entry in self._entries.values()]
        self._set_state(TubeState.READY if any(conversations) else TubeState.ACTIVE)
        if self.offers:
            for entry in list(self._entries.values()):
                if entry.conversation is None:
                    self._open(entry)

    def _offer_restart(self) -> None:
        async def restart() -> None:
            try:
                offer = await self.restart_ice()
            except TubeError as error:
                log.info("tube %s: no restart: %s", self.id, error)
            else:
                self._on_event(RestartOffered(offer))

        self._start(restart(), "restart")

    def _set_state(self, state: TubeState) -> None:
        if self.state not in (TubeState.CLOSING, TubeState.CLOSED):
            self.state = state
        if state is TubeState.READY:
            self._was_ready.set()

    async def wait_ready(self) -> None:
        """Wait until the channel of a conversation has been opened for the first time.

        Raises:
            PeerError: the tube is closed.
        """
        await self._was_ready.wait()
        if self.state in (TubeState.CLOSING, TubeState.CLOSED):
            raise PeerError(f"tube {self.id} is closed")

    # ---- the end

    def close_soon(self, reason: CloseReason) -> None:
        """Begin `close`."""
        if self._closing is None:
            self._closing = self._loop.create_task(
                self._close(reason), name=f"close of tube {self.id}"
            )

    async def close(self, reason: CloseReason = CloseReason.ADMIN_CLOSED) -> None:
        """Close all conversations and the peer connection; may be called again."""
        self.close_soon(reason)
        if self._closing is not None:
            await asyncio.shield(self._closing)

    async def _close(self, reason: CloseReason) -> None:
        self.state = TubeState.CLOSING
        self._was_ready.set()  # for those who wait
        if self._timer is not None:
            self._timer.cancel()
        conversations = []
        for entry in list(self._entries.values()):
            if entry.conversation is None:
                self._drop(entry, reason, TUBE_CLOSED)
            else:
                conversations.append(entry.conversation)
                entry.conversation.close(reason, TUBE_CLOSED)
        self._unclaimed.close()
        await self._deliver(conversations)
        if conversations and self.peer.state is PeerState.CONNECTED:
            await asyncio.sleep(GRACE)
        await self.peer.close()
        for task in self._tasks:
            task.cancel()
        self.state = TubeState.CLOSED
        self._on_closed(self)
        self._on_event(TubeClosed())

    async def _deliver(self, conversations: list[Conversation]) -> None:
        """Wait a limited time until what the conversations have is delivered, both ways."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                for conversation in conversations:
                    await conversation.wait_closed()
                await self.peer.flushed()
        except TimeoutError:
            for conversation in conversations:
                conversation.abort()

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = self._loop.create_task(work, name=f"{name} of tube {self.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
