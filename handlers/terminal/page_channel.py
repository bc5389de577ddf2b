"""Messages between a terminal and guacr's page that extend the Guacamole protocol.

A page opens a `pipe` stream named `guacr` for each message to the daemon. From its first message
on, it receives messages on streams of the same name; other clients never see any. A message is a
JSON object with one member; docs/terminal.md describes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from guacr.api import (
    BadRequestError,
    Collector,
    InputStream,
    JsonError,
    SessionContext,
    User,
    parse_json,
)

PIPE_NAME = "guacr"
MESSAGE_MAX = 4096
"""Maximum bytes of a page's message."""
MIMETYPE = "application/json"

Takers = Mapping[str, Callable[[User, Any], None]]


class PageChannel:
    """The pages of a session's users; `takers` are called for messages, by the name of the
    member."""

    __slots__ = ("_session", "_takers", "_upload", "_users")

    def __init__(self, session: SessionContext, takers: Takers) -> None:
        self._session = session
        self._takers = takers
        self._users: set[str] = set()
        self._upload = False
        """True if the terminal waits for a file."""

    def open(self, user: User, stream: InputStream) -> None:
        """Receive a message of a page."""
        if user.id not in self._users:
            self._users.add(user.id)
            self.tell("ready", sorted(self._takers), user)
            if self._upload:
                self.tell("upload", True, user)
        Collector(
            stream, MESSAGE_MAX, lambda data: self._take(user, data), "the message", user.memory
        )
        stream.ack()

    def listens(self, user: User) -> bool:
        """Return whether a user has a page that receives messages."""
        return user.id in self._users

    def left(self, user: User) -> None:
        """Forget a user who has left."""
        self._users.discard(user.id)

    def tell(self, name: str, value: object, user: User | None = None) -> None:
        """Send a message to a user's page, or to all pages."""
        data = json.dumps({name: value}).encode()
        users = self._session.users if user is None else (user,)
        listening = [one for one in users if one.id in self._users]
        if listening:
            self._session.send_pipe(PIPE_NAME, MIMETYPE, data, listening)

    def want_upload(self, wanted: bool) -> None:
        """Let pages offer to send a file, or stop it; pages that join later are told, too."""
        self._upload = wanted
        self.tell("upload", wanted)

    def _take(self, user: User, data: bytes) -> None:
        try:
            message = parse_json(data)
        except JsonError:
            raise BadRequestError("a message of the page must be a JSON object") from None
        if not isinstance(message, dict):
            raise BadRequestError("a message of the page must be a JSON object")
        for name, value in message.items():
            if name not in self._takers:
                raise BadRequestError("unknown message of the page")
            self._takers[name](user, value)
