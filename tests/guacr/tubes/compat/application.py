"""An application that uses `PyTubeRegistry`: both ends of its tubes are in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from guacr.tubes import PyTubeRegistry

LOOPBACK: dict[str, Any] = {"conversationType": "tunnel", "loopback_candidates": True}
LISTENING = {**LOOPBACK, "local_listen_addr": "127.0.0.1:0"}
TIMEOUT = 20.0


def target(port: int) -> dict[str, Any]:
    """Settings of an answerer."""
    return {**LOOPBACK, "target_host": "127.0.0.1", "target_port": port}


def wait(condition: Callable[[], object], what: str) -> None:
    """Wait until `condition` holds."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.002)


class Application:
    """Creates tubes, and carries candidates between their ends from within the callbacks."""

    def __init__(self) -> None:
        self.registry = PyTubeRegistry()
        self.signals: list[dict[str, str]] = []
        self.events: list[list[dict[str, Any]]] = []
        self._lock = threading.Lock()
        self._others: dict[str, str] = {}
        self._early: dict[str, list[str]] = {}

    def create(
        self, conversation: str, settings: dict[str, Any], offer: str | None = None, **named: Any
    ) -> dict[str, str]:
        """Create one end."""
        named.setdefault("signal_callback", self.on_signal)
        named.setdefault("trickle_ice", True)
        return self.registry.create_tube(
            conversation,
            settings,
            callback_token="token",
            krelay_server="",
            client_version="test",
            offer=offer,
            **named,
        )

    def connect(
        self,
        offering: dict[str, Any],
        answering: dict[str, Any],
        conversation: str = "c",
        **named: Any,
    ) -> tuple[dict[str, str], dict[str, str]]:
        """A tube whose both ends are ready; the results of both creates."""
        offered, answered = self.begin(offering, answering, conversation, **named)
        for one in (offered, answered):
            wait(lambda one=one: self.is_ready(one["tube_id"]), "ready")  # type: ignore[misc]
        return offered, answered

    def begin(
        self,
        offering: dict[str, Any],
        answering: dict[str, Any],
        conversation: str = "c",
        **named: Any,
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Create both ends, without waiting.

        Args:
            named: further arguments of the offerer's create; in `answer`, of the answerer's.
        """
        answer = named.pop("answer", {})
        offered = self.create(conversation, offering, **named)
        answered = self.create(f"{conversation} there", answering, offered["offer"], **answer)
        self.registry.set_remote_description(offered["tube_id"], answered["answer"], True)
        self._know(offered["tube_id"], answered["tube_id"])
        self._know(answered["tube_id"], offered["tube_id"])
        return offered, answered

    def is_ready(self, tube: str) -> bool:
        """Whether a tube's channel is open."""
        return self.registry.get_tube_status(tube) == "ready"

    def on_signal(self, signal: dict[str, str]) -> None:
        """The callback."""
        self.signals.append(signal)
        if signal["kind"] == "icecandidate":
            with self._lock:
                other = self._others.get(signal["tube_id"])
                if other is None:
                    self._early.setdefault(signal["tube_id"], []).append(signal["data"])
                    return
            self.registry.add_ice_candidate(other, signal["data"])

    def _know(self, tube: str, other: str) -> None:
        with self._lock:
            self._others[tube] = other
            early = self._early.pop(tube, [])
        for candidate in early:
            self.registry.add_ice_candidate(other, candidate)

    def kinds(self, tube: str) -> list[str]:
        """The kinds of a tube's signals."""
        return [one["kind"] for one in self.signals if one["tube_id"] == tube]
