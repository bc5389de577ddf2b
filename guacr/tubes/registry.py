"""All tubes of a process."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

from guacr.tubes.errors import OverloadedError, TubeError, TubeNotFoundError, TubeTokenError
from guacr.tubes.reasons import CloseReason
from guacr.tubes.rtc.peer import PeerSettings
from guacr.tubes.tube import Plan, Tube, TubeEvent

log = logging.getLogger("guacr.tubes")

CREATES_VARIABLES = ("KEEPER_GATEWAY_MAX_CONCURRENT_CREATES", "WEBRTC_MAX_CONCURRENT_CREATES")
CREATES_MAX = 100
"""Tubes that are created at a time, unless one of the variables says otherwise."""
CREATE_TIMEOUT = 30.0
"""Seconds for a description with all candidates."""
UNANSWERED_FOR = 300.0
"""Seconds after which a tube is closed that has never been connected."""
RETRY_MIN = 0.05
"""Seconds to wait, at least, after a create was refused."""


@dataclass(frozen=True, slots=True)
class Created:
    """A new tube, or a new conversation of an existing one.

    Attributes:
        description: the offer or the answer, as text; empty for an existing tube.
    """

    tube: Tube
    description: str = ""


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many creates are possible; times in seconds."""

    active: int
    limit: int
    total: int
    failures: int
    average_time: float

    @property
    def accepts_more(self) -> bool:
        """True unless a create would be refused."""
        return self.active < self.limit

    @property
    def suggested_delay(self) -> float:
        """Seconds to wait before the next create."""
        return 0.0 if self.accepts_more else max(self.average_time, RETRY_MIN)


class TubeRegistry:
    """Creates and finds tubes. All methods are for the event loop's thread.

    Args:
        creates_max: tubes that are created at a time; by default, of the environment.
    """

    def __init__(self, creates_max: int | None = None) -> None:
        self._creates_max = creates_limit() if creates_max is None else creates_max
        self._tubes: dict[str, Tube] = {}
        self._tokens: dict[str, str] = {}
        self._aliases: dict[str, str] = {}
        self._sweeps: dict[str, asyncio.TimerHandle] = {}
        self._active = self._total = self._failures = 0
        self._times = 0.0

    # ---- creation

    async def create(
        self,
        plan: Plan,
        settings: PeerSettings,
        *,
        token: str,
        on_event: Callable[[Tube, TubeEvent], None],
        offer: str = "",
        tube_id: str = "",
    ) -> Created:
        """Create a tube with a conversation: the offering end, or, with the peer's offer, the
        answering end. With the id of a tube that exists, that tube gets the conversation.

        Args:
            plan: the conversation.
            settings: of the peer connection; ignored for an existing tube.
            token: what a later create for the same tube has to know.
            on_event: called with each event of the tube; it must not raise anything.
            offer: the peer's session description.
            tube_id: of the tube, or of a new one; a random one by default.

        Raises:
            OverloadedError: too many are being created.
            TubeTokenError: the token is not the tube's.
            TubeError: the offer cannot be used, or the tube is closed.
        """
        existing = self._tubes.get(tube_id)
        if existing is not None:
            return self._extend(existing, plan, token)
        with self._counted():
            tube = Tube(
                tube_id or str(uuid4()),
                settings,
                offers=not offer,
                on_event=lambda event: on_event(tube, event),
                on_closed=self._forget,
            )
            self._tubes[tube.id] = tube
            self._tokens[tube.id] = token
            try:
                tube.add(plan)
                async with asyncio.timeout(CREATE_TIMEOUT):
                    description = await self._describe(tube, offer)
            except BaseException:
                tube.close_soon(CloseReason.CONFIGURATION_ERROR)
                raise
        loop = asyncio.get_running_loop()
        self._sweeps[tube.id] = loop.call_later(UNANSWERED_FOR, self._sweep, tube)
        return Created(tube, description)

    async def _describe(self, tube: Tube, offer: str) -> str:
        if not offer:
            return await tube.peer.create_offer()
        tube.peer.set_remote(offer, is_answer=False)
        return await tube.answer()

    def _extend(self, tube: Tube, plan: Plan, token: str) -> Created:
        if self._tokens[tube.id] != token:
            raise TubeTokenError(f"Unauthorized: callback_token does not match tube {tube.id}")
        tube.add(plan)
        return Created(tube)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Count a create, and refuse it if there are too many."""
        capacity = self.capacity
        if not capacity.accepts_more:
            raise OverloadedError(self._active, self._creates_max, capacity.suggested_delay)
        self._active += 1
        start = time.monotonic()
        try:
            yield
        except BaseException:
            self._failures += 1
            raise
        finally:
            self._active -= 1
            self._total += 1
            self._times += time.monotonic() - start

    @property
    def capacity(self) -> Capacity:
        """How many creates are possible now, and what happened so far."""
        average = self._times / self._total if self._total else 0.0
        return Capacity(self._active, self._creates_max, self._total, self._failures, average)

    def _sweep(self, tube: Tube) -> None:
        if not tube.was_connected:
            log.info("tube %s: closed, as its peer has not connected", tube.id)
            tube.close_soon(CloseReason.TIMEOUT)

    def _forget(self, tube: Tube) -> None:
        if self._tubes.get(tube.id) is tube:
            del self._tubes[tube.id]
            del self._tokens[tube.id]
            sweep = self._sweeps.pop(tube.id, None)
            if sweep is not None:
                sweep.cancel()
            self._aliases = {a: t for a, t in self._aliases.items() if t != tube.id}

    # ---- look-ups

    @property
    def tubes(self) -> dict[str, Tube]:
        """All tubes by id."""
        return dict(self._tubes)

    def tube(self, tube_id: str) -> Tube:
        """Return a tube by its id.

        Raises:
            TubeNotFoundError: there is none.
        """
        tube = self._tubes.get(tube_id)
        if tube is None:
            raise TubeNotFoundError(f"Tube not found: {tube_id}")
        return tube

    def tube_of(self, conversation_id: str) -> Tube | None:
        """Return the tube of an associated name, or of a conversation."""
        associated = self._tubes.get(self._aliases.get(conversation_id, ""))
        if associated is not None:
            return associated
        for tube in self._tubes.values():
            if conversation_id in tube.conversations:
                return tube
        return None

    def names(self, tube_id: str) -> list[str]:
        """Return the names that are associated with a tube."""
        return [name for name, tube in self._aliases.items() if tube == tube_id]

    def associate(self, tube_id: str, name: str) -> None:
        """Find a tube by a name, too, as long as it exists.

        Raises:
            TubeNotFoundError: there is no such tube.
        """
        self._aliases[name] = self.tube(tube_id).id

    # ---- the end

    async def close_tube(self, tube_id: str, reason: CloseReason) -> None:
        """Close a tube, and wait until everything is released.

        Raises:
            TubeNotFoundError: there is no such tube.
        """
        await self.tube(tube_id).close(reason)

    async def close(self, reason: CloseReason = CloseReason.NORMAL) -> None:
        """Close all tubes at once."""
        tubes = list(self._tubes.values())
        for tube in tubes:
            tube.close_soon(reason)
        for tube in tubes:
            await tube.close(reason)


def creates_limit() -> int:
    """The limit of creates at a time that the environment sets.

    Raises:
        TubeError: it is not a number.
    """
    for name in CREATES_VARIABLES:
        text = os.environ.get(name, "")
        if text.isascii() and text.isdigit():
            return int(text)
        if text:
            raise TubeError(f"{name} is not a number: {text[:40]!r}")
    return CREATES_MAX
