"""Receivers of a session's picture: users and recordings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from guacr.display.layers import LayerId
from guacr.session.frames.pacing import Pacing


class Viewer(ABC):
    """Receives a session's frames. A viewer that is not a user is neither announced nor counted,
    never times out, and does not keep the session open.

    `stale` is True if the viewer does not have the last frame: it gets no frames until it has been
    sent the whole picture.
    """

    __slots__ = ("__weakref__", "layers", "pacing", "stale")

    sets_pace: ClassVar[bool] = True
    """True if frames are made no faster than this viewer receives them, unless another one is
    faster. False for one that has no screen."""
    wants_exact: ClassVar[bool] = False
    """True if its whole pictures must be without losses, which takes longer."""

    def __init__(self) -> None:
        self.pacing = Pacing()
        self.stale = True
        self.layers: frozenset[LayerId] = frozenset()
        """The layers above layer 0 in the picture that it has."""

    @property
    def image_types(self) -> frozenset[str]:
        """The media types of images that it can show; empty if it can show any."""
        return frozenset()

    @property
    def audio_types(self) -> frozenset[str]:
        """The media types of audio that it can play, without parameters."""
        return frozenset()

    @property
    def may_be_sent(self) -> bool:
        """False while frames and audio must wait, because a limit of traffic has been exceeded."""
        return True

    @property
    @abstractmethod
    def buffered(self) -> int:
        """The bytes that were sent, but not yet accepted by its system."""

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Send whole instructions; never blocks."""

    def send_frame(self, data: bytes, *, whole: bool) -> None:
        """Send a frame with its `sync`: the whole picture, or the changes."""
        self.send(data)
