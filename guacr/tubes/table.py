"""Finds tubes by their ids, and by the names of their conversations."""

from __future__ import annotations

from guacr.tubes.connections.handler import Handler
from guacr.tubes.errors import ConversationNotFoundError, TubeError, TubeNotFoundError
from guacr.tubes.tube import Tube


class TubeTable:
    """Tubes by id, with other names for them."""

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
            if conversation_id in tube.conversations:
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
        for tube in self._tubes.values():  # both ends of a tube may be here
            plan = tube.plans.get(conversation_id)
            if plan is not None and isinstance(plan.front, Handler):
                return plan.front
        self.tube_with(conversation_id)
        raise TubeError("Handler route not found")

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

    def _remove(self, tube_id: str) -> None:
        del self._tubes[tube_id]
        self._aliases = {a: t for a, t in self._aliases.items() if t != tube_id}
