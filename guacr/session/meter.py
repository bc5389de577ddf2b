"""The interface of limits of traffic: they count what a user sends and is sent."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Meter(ABC):
    """Counts the bytes of one user. Nothing is lost or cut: a user beyond a limit waits."""

    @property
    @abstractmethod
    def may_be_sent(self) -> bool:
        """False while the user has been sent more than is allowed: frames, audio and files wait;
        other messages are sent."""

    @abstractmethod
    def sent(self, size: int) -> None:
        """Count bytes to the user."""

    @abstractmethod
    def received(self, size: int) -> None:
        """Count bytes from the user."""

    @abstractmethod
    def close(self) -> None:
        """Count no more: the user has left."""
