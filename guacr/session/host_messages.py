"""Messages of the remote host to the users outside of frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from guacr.display.stream_indices import StreamIndices
from guacr.protocol.clipboard import SEVERAL, TEXT, pack
from guacr.protocol.instruction import encode, encode_stream
from guacr.session.frames.throttle import Throttle
from guacr.session.tasks import Tasks
from guacr.session.user import User
from guacr.session.users import Users
from guacr.threads import compute

LARGE = 1 << 20
"""Bytes of a clipboard from which on it is encoded on a thread."""
NAME_MAX = 1024
"""Characters of a title that are passed on."""


class HostMessages:
    """The title, the clipboard, and the values of live parameters: the newest of each is sent, no
    more often than every `interval` seconds."""

    __slots__ = (
        "_argv",
        "_clipboard",
        "_clipboards",
        "_interval",
        "_names",
        "_streams",
        "_tasks",
        "_users",
        "copied",
        "finished",
        "name",
    )

    def __init__(self, users: Users, streams: StreamIndices, tasks: Tasks, interval: float) -> None:
        self._users = users
        self._streams = streams
        self._tasks = tasks
        self._interval = interval
        self._names = Throttle(interval, self._send_name)
        self._clipboards = Throttle(interval, self._send_clipboard)
        self._argv: dict[str, Throttle] = {}
        """For each live parameter."""
        self._clipboard: Mapping[str, bytes] = {}
        self.copied: Callable[[Mapping[str, bytes], Callable[[], None]], None] = _nobody
        """Called with each clipboard of the host that is to be sent, and with what sends it."""
        self.name = ""
        """The session's title."""
        self.finished = False
        """True once nothing more is sent, because the session has ended."""

    def set_name(self, name: str) -> None:
        """Set the session's title."""
        self.name = name[:NAME_MAX]
        self._names.put(encode("name", self.name))

    @property
    def clipboard_types(self) -> frozenset[str]:
        """The types of a clipboard that any user accepts; empty if nobody may copy."""
        types = (_types_of(user) for user in self._users if not user.rights.disable_copy)
        return frozenset().union(*types)

    def send_clipboard(self, contents: Mapping[str, bytes]) -> None:
        """Send a clipboard, by type, to every user who may copy: all types that the user's client
        accepts."""
        self._clipboard = contents
        self._clipboards.put(b"")

    def send_argv(self, name: str, value: str, users: Iterable[User] | None = None) -> None:
        """Send the value of a live parameter to every user, or at once to `users`."""
        if users is not None:
            self._send_argv(name, users, value.encode())
            return
        if name not in self._argv:
            self._argv[name] = Throttle(self._interval, partial(self._send_argv, name, None))
        self._argv[name].put(value.encode())

    def finish(self) -> None:
        """Send what is pending, and nothing more."""
        self.finished = True
        for throttle in (self._names, self._clipboards, *self._argv.values()):
            throttle.finish()
        self.copied = _nobody

    def _send_name(self, message: bytes) -> int:
        self._users.send(message)
        return len(message)

    def _send_argv(self, name: str, users: Iterable[User] | None, value: bytes) -> int:
        stream = self._streams.take()
        message = encode_stream(encode("argv", stream, "text/plain", name), stream, value)
        self._users.send(message, users)
        return len(message)

    def _send_clipboard(self, _nothing: bytes) -> int:
        self.copied(self._clipboard, partial(self._send_contents, self._clipboard))
        return sum(map(len, self._clipboard.values())) * 4 // 3

    def _send_contents(self, clipboard: Mapping[str, bytes]) -> None:
        """Send a clipboard, unless there is a newer one."""
        if self._clipboard is not clipboard:
            return
        groups: dict[tuple[str, ...], list[User]] = {}
        for user in self._users:
            types = _types_of(user)
            if not user.rights.disable_copy:
                accepted = tuple(mimetype for mimetype in clipboard if mimetype in types)
                groups.setdefault(accepted, []).append(user)
        for wanted, users in groups.items():
            if wanted:
                self._send_types(wanted, users)

    def _send_types(self, types: tuple[str, ...], users: list[User]) -> None:
        contents = {mimetype: self._clipboard[mimetype] for mimetype in types}
        size = sum(map(len, contents.values()))
        if size <= LARGE:
            self._users.send(_clipboard_message(self._streams.take(), contents), users)
        else:
            work = self._send_large(self._clipboard, contents, users)
            self._tasks.start(work, "clipboard")

    async def _send_large(
        self, clipboard: Mapping[str, bytes], contents: Mapping[str, bytes], users: list[User]
    ) -> None:
        """Encode types of a clipboard on a thread, and send them unless there is a newer one."""
        message = await compute(_clipboard_message, self._streams.take(), contents)
        if self._clipboard is clipboard:
            self._users.send(message, [user for user in users if user in self._users])


def _clipboard_message(stream: int, contents: Mapping[str, bytes]) -> bytes:
    (mimetype, data), *others = contents.items()
    if others:
        mimetype, data = SEVERAL, pack(contents)
    return encode_stream(encode("clipboard", stream, mimetype), stream, data)


def _nobody(contents: Mapping[str, bytes], send: Callable[[], None]) -> None:
    """Send what is copied at once, if there is nobody who wants to know."""
    send()


def _types_of(user: User) -> frozenset[str]:
    """Return the types of a clipboard that a user's client accepts."""
    return frozenset((TEXT, *user.info.clipboard))
