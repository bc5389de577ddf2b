"""The interface that a protocol handler implements, one instance a session.

Handlers are found by the entry point group `guacr.handlers`: the name is what clients `select`,
the object is a subclass of `ProtocolHandler`. A third party can ship one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from guacr.errors import UnsupportedError
from guacr.session.params import Params

if TYPE_CHECKING:
    from guacr.session.session import Session
    from guacr.session.streams import InputStream
    from guacr.session.user import User
    from guacr.settings import Settings

ENTRY_POINT_GROUP = "guacr.handlers"


class ProtocolHandler(ABC):
    """Connects to one remote host and keeps its picture on the session's display.

    The input methods are synchronous and quick: they are called from the event loop, in the
    order in which the users' instructions arrive, and only for users who may send input.
    """

    name: ClassVar[str]
    """What clients `select`."""
    alias_of: ClassVar[str] = ""
    """Another protocol that this is but another name of, which lists then leave out."""
    params_type: ClassVar[type[Params]]
    """Its fields, in order, are the protocol's `args`."""

    def __init__(self, session: Session, params: Params) -> None:
        self.session = session
        self.params = params

    @classmethod
    def warm_up(cls, settings: Settings) -> None:
        """Load what the first session would otherwise wait for; called once, before the daemon
        is ready. What goes wrong here is logged, and comes up again with the first session."""

    @classmethod
    def default_values(cls, settings: Settings) -> Mapping[str, str]:
        """Texts of parameters, by name, for those that a connection leaves empty."""
        return {}

    @classmethod
    def check_settings(cls, settings: Settings) -> None:
        """Find what is wrong in the settings of this protocol, for `guacr check-config`.

        Raises:
            GuacrError: a setting cannot be used.
        """

    @classmethod
    def check(cls, settings: Settings, params: Params) -> None:
        """Find what would make `run` fail before it reaches the remote host, for `guacr
        check-config`; it may read files, but connects to nothing.

        Raises:
            GuacrError: as `run` would.
        """

    @classmethod
    def remarks(cls, settings: Settings, params: Params) -> list[str]:
        """What of the parameters is left out, or read otherwise than it is meant, a sentence
        each."""
        later = params.asked_later()
        return [f"not supported yet, and ignored: {', '.join(later)}"] if later else []

    @abstractmethod
    async def run(self) -> None:
        """Connect, and return when the remote side has ended the session.

        Raises:
            GuacrError: why the session cannot start or go on; every user receives it.
            asyncio.CancelledError: the daemon ends the session.
        """

    def key(self, user: User, keysym: int, pressed: bool) -> None:
        """A key went down or up; `keysym` is an X11 keysym."""

    def mouse(self, user: User, x: int, y: int, buttons: int) -> None:
        """The pointer is at (x, y) pixels of layer 0; `buttons` is a mask: 1 left, 2 middle,
        4 right, 8 wheel up, 16 wheel down."""

    def resize(self, user: User, width: int, height: int) -> None:
        """The owner's window is now `width` by `height` pixels (within the limits)."""

    def clipboard(self, user: User, mimetype: str, data: bytes) -> None:
        """A user's clipboard has arrived whole."""

    def clipboard_lost(self, user: User, reason: str) -> None:
        """What was in the clipboard may not be pasted any more: another one is on its way, or was
        refused. `reason` is a sentence for who pastes before `clipboard` is called again."""

    def argv(self, user: User, name: str, value: str) -> None:
        """A parameter declared as `live` has a new value.

        Raises:
            GuacrError: the value cannot be used; it is answered with an `ack` that says so.
        """

    def argv_values(self) -> Mapping[str, str]:
        """The present values of the live parameters; sent to each user who joins."""
        return {}

    def open_stream(self, user: User, stream: InputStream) -> None:
        """A user opened a `file`, `pipe` or `audio` stream.

        Raises:
            GuacrError: it is not taken; it is answered with an `ack` that says so.
        """
        raise UnsupportedError(f"{stream.kind} streams are not supported here")

    def user_joined(self, user: User) -> None:
        """A user is in the session and is about to receive the whole picture."""

    def user_left(self, user: User) -> None:
        """A user is gone."""

    def closed(self) -> None:
        """The session has ended and `run` is over: the last call, to free what it held."""
