"""Tubes by their ids, and by the names of their conversations, with what can be done to each."""

from __future__ import annotations

from collections.abc import Iterable

from guacr.tubes.connections.handler import Handler
from guacr.tubes.errors import ConversationNotFoundError, TubeError, TubeNotFoundError
from guacr.tubes.reasons import CloseReason
from guacr.tubes.tube import Tube


class TubeTable:
    """Tubes by id, with other names for them. All methods are for the thread of one event loop."""

    def __init__(self) -> None:
        self._tubes: dict[str, Tube] = {}
        self._aliases: dict[str, str] = {}

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
            if tube.plan(conversation_id) is not None:
                return tube
        return None

    def tube_with(self, conversation_id: str) -> Tube:
        """Return the tube of a conversation.

        Raises:
            ConversationNotFoundError: there is none of this id or name.
        """
        tube = self.tube_of(conversation_id)
        if tube is None:
            raise ConversationNotFoundError(f"No tube found for conversation ID: {conversation_id}")
        return tube

    def handler(self, conversation_id: str) -> Handler:
        """Return the application's side of a conversation that it serves (`HandlerSettings`).

        Raises:
            ConversationNotFoundError: there is no such conversation.
            TubeError: the application does not serve it.
        """
        handler = _handler(self.tube_with(conversation_id), conversation_id)
        others = iter(self._tubes.values())  # the other end of the tube may be here, too
        while handler is None and (tube := next(others, None)) is not None:
            handler = _handler(tube, conversation_id)
        if handler is None:
            raise TubeError("Handler route not found")
        return handler

    def names(self, tube_id: str) -> list[str]:
        """Return the names that are associated with a tube."""
        return [name for name, tube in self._aliases.items() if tube == tube_id]

    def find(self, text: str) -> list[str]:
        """Return the ids of the tubes in whose id, or in whose names, a text is."""
        return [
            tube_id
            for tube_id in self._tubes
            if any(text in name for name in (tube_id, *self.names(tube_id)))
        ]

    def associate(self, tube_id: str, name: str) -> None:
        """Find a tube by a name, too, as long as it exists.

        Raises:
            TubeNotFoundError: there is no such tube.
        """
        self._aliases[name] = self.tube(tube_id).id

    # ---- descriptions and candidates

    async def set_remote_description(
        self, tube_id: str, description: str, *, is_answer: bool
    ) -> str | None:
        """Take the peer's description; return the answer to an offer, None for an answer. An offer
        for a tube that exists is that of an ICE restart.

        Raises:
            TubeNotFoundError: there is no such tube.
            TubeError: the description cannot be used, or not now.
        """
        return await self.tube(tube_id).set_remote_description(description, is_answer=is_answer)

    async def create_offer(self, tube_id: str) -> str:
        """Return a new offer of a tube, for the connection as it is.

        Raises:
            TubeNotFoundError: there is no such tube.
            PeerError: the last offer has not been answered.
        """
        return await self.tube(tube_id).create_offer()

    async def create_answer(self, tube_id: str) -> str:
        """Return the answer to the peer's last offer, and the same when repeated.

        Raises:
            TubeNotFoundError: there is no such tube.
            PeerError: there is no offer.
        """
        return await self.tube(tube_id).create_answer()

    async def restart_ice(self, tube_id: str) -> str:
        """Begin an ICE restart; return the offer for it.

        Raises:
            TubeNotFoundError: there is no such tube.
            TubeError: it is not possible now, or has failed too often.
        """
        return await self.tube(tube_id).restart_ice()

    def add_candidate(self, tube_id: str, candidate: str) -> None:
        """Take a candidate of the peer, an empty text for their end; what cannot be used is
        ignored.

        Raises:
            TubeNotFoundError: there is no such tube.
        """
        self.tube(tube_id).add_candidate(candidate)

    # ---- the end

    def close_connection(self, conversation_id: str, number: int, reason: CloseReason) -> None:
        """Close one connection; one that is not there is ignored.

        Raises:
            ConversationNotFoundError: there is no such conversation.
        """
        conversation = self.tube_with(conversation_id).conversations.get(conversation_id)
        if conversation is not None:
            conversation.close_connection(number, reason)

    def close_conversation(self, conversation_id: str, reason: CloseReason) -> None:
        """Close a conversation with its connections; its tube stays.

        Raises:
            ConversationNotFoundError: there is no such conversation.
        """
        self.tube_with(conversation_id).close_conversation(conversation_id, reason)

    async def close_tube(
        self, tube_id: str, reason: CloseReason = CloseReason.ADMIN_CLOSED
    ) -> None:
        """Close a tube, and wait until everything is released.

        Raises:
            TubeNotFoundError: there is no such tube.
        """
        await self.tube(tube_id).close(reason)

    async def close_tubes(
        self, tubes: Iterable[Tube], reason: CloseReason = CloseReason.NORMAL
    ) -> None:
        """Close several tubes at once, and wait until everything is released."""
        closing = list(tubes)
        for tube in closing:
            tube.close_soon(reason)
        for tube in closing:
            await tube.close(reason)

    def _remove(self, tube_id: str) -> None:
        del self._tubes[tube_id]
        self._aliases = {a: t for a, t in self._aliases.items() if t != tube_id}


def _handler(tube: Tube, conversation_id: str) -> Handler | None:
    plan = tube.plan(conversation_id)
    return plan.front if plan is not None and isinstance(plan.front, Handler) else None
