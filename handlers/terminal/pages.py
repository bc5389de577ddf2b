"""What a terminal and guacr's own page tell each other beyond the Guacamole protocol.

A page opens a `pipe` stream named `guacr` for each message to the daemon, and from its first one on
receives messages by streams of the same name; other clients never see any. A message is a JSON
object with one member, see docs/terminal.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from guacr.errors import BadRequestError
from guacr.json_text import JsonError, parse_json
from guacr.protocol.instruction import encode, encode_stream
from guacr.session.session import Session
from guacr.session.streams import Collector, InputStream
from guacr.session.user import User

PIPE_NAME = "guacr"
MESSAGE_MAX = 4096
"""Bytes of a page's message."""
MIMETYPE = "application/json"

Takers = Mapping[str, Callable[[User, Any], None]]


class Pages:
    """The pages of a session's users; `takers` are called by the name of a message's member."""

    __slots__ = ("_session", "_takers", "_upload", "_users")

    def __init__(self, session: Session, takers: Takers) -> None:
        self._session = session
        self._takers = takers
        self._users: set[str] = set()
        self._upload = False
        """Whether the terminal waits for a file."""

    def open(self, user: User, stream: InputStream) -> None:
        """A page has something to say."""
        if user.id not in self._users:
            self._users.add(user.id)
            self.tell("ready", sorted(self._takers), user)
            if self._upload:
                self.tell("upload", True, user)
        Collector(stream, MESSAGE_MAX, lambda data: self._take(user, data), "the message")
        stream.ack()

    def listens(self, user: User) -> bool:
        """Whether a user has a page that hears what it is told."""
        return user.id in self._users

    def left(self, user: User) -> None:
        """A user is gone."""
        self._users.discard(user.id)

    def tell(self, name: str, value: object, user: User | None = None) -> None:
        """Send a message to a user's page, or to all pages."""
        data = json.dumps({name: value}).encode()
        users = self._session.users.values() if user is None else (user,)
        listening = [one for one in users if one.id in self._users]
        if listening:
            stream = self._session.display.stream()
            opening = encode("pipe", stream, MIMETYPE, PIPE_NAME)
            self._session.send_all(encode_stream(opening, stream, data), listening)

    def want_upload(self, wanted: bool) -> None:
        """Have pages offer to send a file, or no longer; those that come later hear of it too."""
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
                raise BadRequestError("this message of the page is unknown here")
            self._takers[name](user, value)
