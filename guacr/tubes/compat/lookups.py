"""`PyTubeRegistry`: states and look-ups."""

from __future__ import annotations

import logging

from guacr.tubes.compat.access import Access
from guacr.tubes.compat.tubes import Tubes
from guacr.tubes.tube import TubeState

log = logging.getLogger("guacr.tubes")

_STATES = {TubeState.NEW: TubeState.CONNECTING}
"""keeper-pam-webrtc-rs shows no tube before its offer or answer."""


class Lookups(Access):
    """Finds tubes, and says how they are."""

    _is_server = False
    _instance_id: str | None = None

    def get_tube_status(self, tube_id: str) -> str:
        """Return a tube's state, such as "ready"."""

        def status(tubes: Tubes) -> str:
            state = tubes.registry.tube(tube_id).state
            return str(_STATES.get(state, state))

        return self._do(status, "Failed to get tube status: ")

    def get_connection_state(self, tube_id: str) -> str:
        """Return the state of a tube's peer connection, such as "Connected"."""
        return self._do(
            lambda tubes: tubes.registry.tube(tube_id).peer.state.capitalize(),
            "Failed to get connection state: ",
        )

    def tube_found(self, tube_id: str) -> bool:
        """Return whether there is such a tube."""
        return tube_id in self.all_tube_ids()

    def all_tube_ids(self) -> list[str]:
        """Return the ids of all tubes."""
        return self._do(lambda tubes: list(tubes.registry.tubes))

    def active_tube_count(self) -> int:
        """Return how many tubes there are."""
        return len(self.all_tube_ids())

    def has_active_tubes(self) -> bool:
        """Return whether there are tubes."""
        return bool(self.all_tube_ids())

    def find_tubes(self, search_term: str) -> list[str]:
        """Return the ids of the tubes in whose id, or in whose conversations' ids, a text is."""
        return self._do(lambda tubes: tubes.registry.find(search_term))

    def tube_id_from_connection_id(self, connection_id: str) -> str | None:
        """Return the tube of a conversation, None if there is none."""

        def find(tubes: Tubes) -> str | None:
            tube = tubes.registry.tube_of(connection_id)
            return tube.id if tube is not None else None

        return self._do(find)

    def get_tube_id_by_conversation_id(self, conversation_id: str) -> str:
        """Return the tube of a conversation."""
        found = self.tube_id_from_connection_id(conversation_id)
        if found is None:
            raise RuntimeError(f"No tube found for conversation: {conversation_id}")
        return found

    def get_conversation_ids_by_tube_id(self, tube_id: str) -> list[str]:
        """Return the conversations of a tube, also those that are closed, and associated names."""
        return self._do(lambda tubes: tubes.registry.names(tube_id))

    def associate_conversation(self, tube_id: str, connection_id: str) -> None:
        """Let a tube be found by another name, too; unknown tubes are ignored."""

        def associate(tubes: Tubes) -> None:
            if tube_id in tubes.registry.tubes:
                tubes.registry.associate(tube_id, connection_id)

        self._do(associate)

    def print_tubes_with_connections(self) -> None:
        """Log all tubes with their conversations."""

        def show(tubes: Tubes) -> None:
            for tube in tubes.registry.tubes.values():
                names = ", ".join(tubes.registry.names(tube.id))
                log.info("tube %s (%s): %s", tube.id, tube.state, names)

        self._do(show)

    def set_server_mode(self, server_mode: bool) -> None:
        """Note a flag for `is_server_mode`; nothing depends on it."""
        Lookups._is_server = server_mode

    def is_server_mode(self) -> bool:
        """Return whether a tube was offered, or what `set_server_mode` has set."""
        return Lookups._is_server

    def initialize_instance_id(self, instance_id: str | None = None) -> None:
        """Set the id of this process, once; nothing depends on it."""
        if Lookups._instance_id is not None:
            raise RuntimeError("Instance ID already initialized")
        Lookups._instance_id = instance_id or ""
