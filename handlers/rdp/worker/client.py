"""The interfaces of a worker and the client that it runs to each other, whatever the engine."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.messages import BinarySetting, Ended, Layout, Setting, Start


class UnavailableError(Exception):
    """An engine cannot be used here; the message says why."""


class Surroundings(Protocol):
    """The process as its client needs it."""

    def send(self, message: Message) -> None:
        """Send a message to the daemon."""

    def verify(self, pem: bytes) -> bool:
        """Return whether the server's certificate is accepted."""

    def note_busy(self, busy: bool) -> None:
        """Note whether the client is at work, and does not wait for anything."""

    def note_handled(self) -> None:
        """Note that another message of the daemon has been handled."""


class Part(Protocol):
    """A part of a client that has messages of its own."""

    def handle(self, message: Any) -> None:
        """Handle a message of the daemon; called on any thread."""


class Microphone(Protocol):
    """Records for the server."""

    def take(self, message: Any) -> None:
        """Pass on what a user says; called on any thread."""


class Client(Protocol):
    """One connection to a server. `run` is called once; the others on another thread."""

    @property
    def static_channels(self) -> Part:
        """The static channels whose contents the daemon reads and writes."""

    @property
    def microphone(self) -> Microphone:
        """The microphone."""

    def configure(self, message: Setting | BinarySetting | Layout) -> bool:
        """Set a setting, and return whether the engine has it."""

    def run(self, start: Start) -> Ended:
        """Connect, and show the desktop until the connection ends."""

    def post(self, message: Message) -> None:
        """Have a message handled by the client's thread."""

    def stop(self) -> None:
        """Make `run` return soon."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that has been loaded.

    Attributes:
        name: a value of the setting `rdp.engine`.
        version: such as 2.11.7.
        connect: makes a client of the process, the connected TCP socket, which it takes over, the
            shared memory, and its header.
    """

    name: str
    version: str
    connect: Callable[[Surroundings, int, mmap.mmap, memoryview], Client]
