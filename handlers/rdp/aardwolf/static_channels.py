"""Static channels whose contents the daemon reads and writes (see `channel.pipes`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock

from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.pipes import (
    WINDOW,
    PipeGiven,
    PipeOffer,
    PipeOpened,
    PipeReceived,
    PipeTaken,
    PipeWritten,
)


class StaticChannels:
    """The channels of one client.

    Args:
        send: sends a message on a channel by its name.
        notify: sends a message to the daemon.
        wake: has the client call `work` soon.

    Attributes:
        offers: the channels, by name.
    """

    def __init__(
        self,
        send: Callable[[str, bytes], None],
        notify: Callable[[Message], None],
        wake: Callable[[], None],
    ) -> None:
        self._send = send
        self._notify = notify
        self._wake = wake
        self._lock = Lock()
        self.offers: dict[str, PipeOffer] = {}
        self._given: deque[PipeGiven] = deque()
        self._messages: dict[str, bytearray] = {}
        """The parts of messages for the server."""
        self._taken = 0
        self._unsent: deque[PipeReceived] = deque()
        self._outstanding = 0
        """The cost of what the daemon was sent, and has not passed on."""

    @property
    def is_full(self) -> bool:
        """True if nothing more may be received: the daemon could not pass it on."""
        return bool(self._unsent)

    def handle(self, message: Message) -> None:
        """Handle a message of the daemon; called on any thread."""
        with self._lock:
            match message:
                case PipeOffer():
                    self.offers[message.name] = message
                case PipeGiven():
                    self._given.append(message)
                case PipeTaken():
                    self._taken += message.size
        self._wake()

    # ---- on the client's thread

    def open(self) -> None:
        """Report that the channels can be written to."""
        for name in self.offers:
            self._notify(PipeOpened(name))

    def work(self) -> None:
        """Do what the daemon's messages ask for."""
        with self._lock:
            given, self._given = list(self._given), deque()
            self._outstanding -= self._taken
            self._taken = 0
        for part in given:
            message = self._messages.setdefault(part.name, bytearray())
            message += part.data
            if part.last:
                self._send(part.name, bytes(message))
                message.clear()
                self._notify(PipeWritten(part.name))
        self._forward()

    def receive(self, name: str, data: bytes, is_last: bool) -> None:
        """Pass a message of the server on, or a piece of it, as soon as the daemon may be sent
        it."""
        self._unsent.append(PipeReceived(name, data, is_last))
        self._forward()

    def _forward(self) -> None:
        while self._unsent and self._outstanding < WINDOW:
            message = self._unsent.popleft()
            self._outstanding += message.cost
            self._notify(message)
