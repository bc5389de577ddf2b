"""The events of a `python_handler` conversation, for a callback that may be slow."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeAlias

from guacr.tubes.compat.callbacks import Dispatcher
from guacr.tubes.connections.handler import Data, Ended, Handler, HandlerEvent, Opened
from guacr.tubes.events import ConversationClosed
from guacr.tubes.reasons import CloseReason

HandlerCallback: TypeAlias = Callable[[list[dict[str, Any]]], object]

PENDING_MAX = 4 * 1024 * 1024
"""Bytes that wait for the callback; with more, nothing is received until it has taken them."""


class HandlerFeed:
    """Calls a callback with lists of what has happened.

    Args:
        conversation_id: of the conversation.
        callback: of the application.
        dispatcher: makes the calls.
        later: has the event loop call something.

    Attributes:
        handler: the application's side of the conversation.
    """

    def __init__(
        self,
        conversation_id: str,
        callback: HandlerCallback,
        dispatcher: Dispatcher,
        later: Callable[[Callable[[], object]], None],
    ) -> None:
        self.handler = Handler(self._on_events)
        self._conversation_id = conversation_id
        self._callback = callback
        self._dispatcher = dispatcher
        self._later = later
        self._lock = threading.Lock()
        self._pending: list[dict[str, Any]] = []
        self._size = 0
        self._paused: set[int] = set()

    def closed(self, event: ConversationClosed) -> None:
        """The conversation has ended: tell so if the peer has done it."""
        if event.by_peer:
            reason = event.reason or CloseReason.CONNECTION_LOST
            self._put([self._event("connection_closed", 0, reason=int(reason))], 0)

    def _on_events(self, events: list[HandlerEvent]) -> None:
        told, size = [], 0
        for event in events:
            if isinstance(event, Opened):
                told.append(self._event("connection_opened", event.number))
            elif isinstance(event, Data):
                told.append(self._event("data", event.number, payload=event.payload))
                size += len(event.payload)
            elif isinstance(event, Ended):
                told.append(
                    self._event("connection_closed", event.number, reason=int(event.reason))
                )
        if told:
            self._put(told, size)
            if self._size > PENDING_MAX:
                self._pause({event.number for event in events})

    def _event(self, kind: str, number: int, **more: object) -> dict[str, Any]:
        return {"type": kind, "conn_no": number, "conversation_id": self._conversation_id, **more}

    def _put(self, events: list[dict[str, Any]], size: int) -> None:
        with self._lock:
            is_first = not self._pending
            self._pending += events
            self._size += size
        if is_first:
            self._dispatcher.put(self._deliver)

    def _pause(self, numbers: set[int]) -> None:
        for number in numbers - self._paused:
            self.handler.pause(number)
        self._paused |= numbers

    def _deliver(self) -> None:
        """In the callback's thread."""
        with self._lock:
            events, self._pending = self._pending, []
            size, self._size = self._size, 0
        if size > PENDING_MAX:
            try:
                self._callback(events)
            finally:
                self._later(self._proceed)
        else:
            self._callback(events)

    def _proceed(self) -> None:
        paused, self._paused = self._paused, set()
        for number in paused:
            self.handler.proceed(number)
