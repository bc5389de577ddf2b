"""Those who are told of a tube: the callbacks of its conversations."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeAlias

from guacr.tubes.compat.callbacks import Dispatcher
from guacr.tubes.compat.signals import Signal

SignalCallback: TypeAlias = Callable[[Signal], object]


class Audience:
    """Tells an application of one tube, one call at a time.

    Args:
        dispatcher: makes the calls.
        first: the conversation with which the tube was created: signals of the tube itself are its.
    """

    def __init__(self, dispatcher: Dispatcher, first: str) -> None:
        self.dispatcher = dispatcher
        self.first = first
        self.opened: dict[str, float] = {}
        """When conversations were opened, in seconds since 1970."""
        self._callbacks: dict[str, SignalCallback | None] = {}

    def add(self, conversation_id: str, callback: SignalCallback | None) -> None:
        """Tell of a conversation by a callback, or by nothing."""
        self._callbacks[conversation_id] = callback

    def note_opened(self, conversation_id: str) -> None:
        """Remember the time."""
        self.opened[conversation_id] = time.time()

    def tell(self, signal: Signal) -> None:
        """Have the callback of the signal's conversation called."""
        conversation_id = signal["conversation_id"]
        name = conversation_id if conversation_id in self._callbacks else self.first
        callback: Callable[[Any], object] | None = self._callbacks.get(name)
        if callback is not None:
            self.dispatcher.put(lambda: callback(signal))
