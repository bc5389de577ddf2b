"""The interface of a protocol handler; every session has its own instance.

Handlers are found by the entry point group `guacr.handlers`: the entry's name is what clients
`select`, and its object is a subclass of `ProtocolHandler`. A third party can ship one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Generic

from typing_extensions import TypeVar

from guacr.errors import GuacrError, UnsupportedError
from guacr.policy.rule import Connects
from guacr.session.context import SessionContext
from guacr.session.input.touch import Contact
from guacr.session.params import Params
from guacr.session.streams.audio_input import AudioInput
from guacr.session.streams.inputs import InputStream
from guacr.session.target import Target
from guacr.session.user import User
from guacr.settings.models import Settings

ENTRY_POINT_GROUP = "guacr.handlers"

_P = TypeVar("_P", bound=Params, default=Any)
"""The class of a protocol's parameters."""
Check = Callable[[], object]
"""A check of a configured connection, which raises a `GuacrError` if there is a problem."""


class ProtocolHandler(ABC, Generic[_P]):
    """Connects to one remote host and keeps its picture on the session's display.

    The input methods are synchronous and quick: they are called on the event loop, in the order in
    which the users' instructions arrive, and only for users who may send input.
    """

    name: ClassVar[str]
    """The name that clients `select`."""
    connects: ClassVar[Connects] = Connects.UNCHECKED
    """The hosts that sessions connect to. CHECKED if `session.network` is asked about each of them
    before; access rules about certain hosts and ports apply only then."""
    alias_of: ClassVar[str] = ""
    """The protocol for which this is only another name; lists omit such names."""
    cost_factor: ClassVar[float] = 1.0
    """The minimum pause after a frame, as a multiple of the time for which the frame held the event
    loop. The pause is left for the host's output and for other sessions."""
    pointer_buttons: ClassVar[int] = 0x1F
    """The mask of the buttons that `mouse` receives; others are ignored."""
    clipboard_types: ClassVar[tuple[str, ...]] = ("text/plain",)
    """The types of a user's clipboard that `paste` accepts."""
    pastes_files: bool = False
    """True if files that users send (`open_stream`) are put on the host's clipboard."""
    params_type: ClassVar[type[Params]]
    """A class whose fields, in order, are the protocol's `args`."""

    def __init__(self, session: SessionContext, params: _P) -> None:
        self.session = session
        self.params = params

    @classmethod
    def warm_up(cls, settings: Settings) -> None:
        """Load what the first session would otherwise have to wait for; called once, before the
        daemon is ready. An error here is logged, and occurs again in the first session."""

    @classmethod
    def default_values(cls, settings: Settings) -> Mapping[str, str]:
        """Return the texts of parameters, by name, that a connection uses if it leaves them
        empty."""
        return {}

    @classmethod
    def check_settings(cls, settings: Settings) -> list[str]:
        """Check the settings of this protocol, for `guacr check-config`.

        Returns:
            Warnings about settings that are valid, but may not be intended, a sentence each.

        Raises:
            GuacrError: a setting is invalid.
        """
        return []

    @classmethod
    def checks(cls, settings: Settings, params: _P) -> Iterator[Check]:
        """Yield the checks of a configured connection: functions that raise the `GuacrError` with
        which `run` would fail before it reaches the remote host. They are called on a thread, and
        may read files, but do not connect to anything. Each finds one problem, so that all are
        reported together; an error of this function itself ends them."""
        yield from ()

    @classmethod
    def remarks(cls, settings: Settings, params: _P) -> list[str]:
        """Return the parameters that are ignored, or not read as intended, a sentence each."""
        later = params.asked_later()
        return [f"not supported yet, and ignored: {', '.join(later)}"] if later else []

    @abstractmethod
    async def run(self) -> None:
        """Connect, and return when the remote host has ended the session.

        Raises:
            GuacrError: the reason why the session cannot start or continue; every user receives it.
            asyncio.CancelledError: the daemon ends the session.
        """

    def target(self) -> Target:
        """Return the host that this session connects to and the user name there, as far as they are
        known, for the log and for operators: never a secret. By default they are the values of the
        parameters `hostname`, `port` and `username`, if the protocol has them."""
        host, port = self.params.value("hostname"), self.params.value("port")
        place = f"[{host}]" if ":" in host else host
        return Target(f"{place}:{port}" if host and port else place, self.params.value("username"))

    def key(self, user: User, keysym: int, pressed: bool) -> None:
        """Handle a key that went down or up; `keysym` is an X11 keysym."""

    def mouse(self, user: User, x: int, y: int, buttons: int) -> None:
        """Handle the pointer at (x, y) pixels of layer 0; `buttons` is a mask: 1 left, 2 middle, 4
        right, 8 wheel up, 16 wheel down; and, if they are among the `pointer_buttons`, 32 wheel
        left, 64 wheel right, 128 back, 256 forward, which only guacr's page sends."""

    def release_input(self, user: User) -> None:
        """Release the keys, buttons and contacts that a user holds and can no longer release
        itself, because it has left or its client has lost the focus."""
        for keysym in user.held.take_keys():
            self.key(user, keysym, False)
        if pointer := user.held.take_pointer():
            self.mouse(user, *pointer, 0)
        for contact in user.held.take_contacts():
            self.touch(user, contact)

    def touch(self, user: User, contact: Contact) -> None:
        """Handle a finger that touched layer 0, moved on it or was lifted. Clients send this if
        `Display.accept_touches` asks for it."""

    @property
    def is_resizable(self) -> bool:
        """True if `resize` may change the size of the remote screen; the page offers it only then.
        It may change during the session."""
        return True

    def resize(self, user: User, width: int, height: int) -> None:
        """Handle a new size of the owner's window in pixels, which is within the limits."""

    def paste(self, user: User, contents: Mapping[str, bytes]) -> None:
        """Handle a user's clipboard, which has arrived completely, by type; clients other than
        guacr's page send a single type, which may be any. By default, `clipboard` is called with
        the text, or with the first type if there is none."""
        mimetype = "text/plain" if "text/plain" in contents else next(iter(contents))
        self.clipboard(user, mimetype, contents[mimetype])

    def clipboard(self, user: User, mimetype: str, data: bytes) -> None:
        """Handle a user's clipboard in a single type."""

    def clipboard_lost(self, user: User, reason: str) -> None:
        """Forbid pasting the previous clipboard: another one is on its way, or was refused.
        `reason` is a sentence for a user who pastes before `clipboard` is called again."""

    def argv(self, user: User, name: str, value: str) -> None:
        """Handle a new value of a parameter that is declared as `live`.

        Raises:
            GuacrError: the value is invalid; the user receives the error in an `ack`.
        """

    def argv_values(self) -> Mapping[str, str]:
        """Return the current values of the live parameters, which each joining user is sent."""
        return {}

    def open_stream(self, user: User, stream: InputStream) -> None:
        """Handle a `file` or `pipe` stream that a user opened.

        Raises:
            GuacrError: the stream is refused; the user receives the error in an `ack`.
        """
        raise UnsupportedError(f"{stream.kind} streams are not supported by this protocol")

    def upload_lost(self, user: User, name: str, error: GuacrError) -> None:
        """Handle an upload that could not be completed after the user's client had sent all of it,
        and could no longer be told: show the user that the file is missing. Not called for clients
        with guacr's extension for files, such as its page, which are told."""

    def record(self, user: User, audio: AudioInput) -> None:
        """Handle the offer of a user's microphone, at most one at a time: call its `start` when the
        host wants to record. Browsers offer it to every session.

        Raises:
            GuacrError: the microphone is refused; the user receives the error in an `ack`.
        """
        raise UnsupportedError("audio streams are not supported by this protocol")

    def user_joined(self, user: User) -> None:
        """Handle a user who has joined the session and is about to receive the whole picture."""

    def user_left(self, user: User) -> None:
        """Handle a user's departure."""

    def closed(self) -> None:
        """Free resources: the session has ended, `run` has returned, and this is the last call. The
        handler's attributes are deleted afterwards, because the handler and the session refer to
        each other and would stay in memory, including secrets."""
