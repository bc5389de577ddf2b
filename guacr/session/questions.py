"""Values that a session asks its owner for (`required`), which `argv` streams answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from guacr.errors import (
    ClientTimeoutError,
    ClosedError,
    ConflictError,
    GuacrError,
    UnsupportedError,
)
from guacr.protocol.instruction import encode
from guacr.session.user import User

ANSWER_TIMEOUT = 120.0
"""Seconds within which a person must answer."""


class Questions:
    """The values that the owner is being asked for, if any. Only the task that asked receives the
    answers; they are neither logged nor sent to other users."""

    __slots__ = ("_answers", "_done", "_missing", "_user")

    def __init__(self) -> None:
        self._user: User | None = None
        self._missing: set[str] = set()
        self._answers: dict[str, str] = {}
        self._done: asyncio.Future[None] | None = None

    async def ask(
        self, user: User | None, names: Sequence[str], timeout: float = ANSWER_TIMEOUT
    ) -> dict[str, str]:
        """Return the user's answers by name; an answer may be empty.

        Raises:
            ClosedError: the user has left.
            ForbiddenError: the access rules do not allow the user to set such a value.
            UnsupportedError: the user's client cannot be asked.
            ConflictError: the user is already being asked for something.
            ClientTimeoutError: no answer within `timeout` seconds.
        """
        asked = " and ".join(names)
        if user is None:
            raise ClosedError(f"nobody is left to ask for {asked}")
        if not user.info.takes_required or user.rights.read_only:
            raise UnsupportedError(
                f"this connection needs {asked}, but this client does not support being asked: "
                "set the parameters of these names"
            )
        if self._done is not None:
            raise ConflictError("the client is already being asked for something else")
        self._user, self._missing, self._answers = user, set(names), {}
        self._done = asyncio.get_running_loop().create_future()
        user.send(encode("required", *names))
        try:
            async with asyncio.timeout(timeout):
                await self._done
            return self._answers
        except TimeoutError:
            sentence = f"{asked} was not entered within {timeout:g} seconds"
            raise ClientTimeoutError(sentence) from None
        finally:
            self._user, self._missing, self._answers, self._done = None, set(), {}, None

    def awaits(self, user: User, name: str) -> bool:
        """Return whether this user is being asked for this value."""
        return user is self._user and name in self._missing

    def answer(self, user: User, name: str, value: str) -> None:
        """Accept a value; one that is no longer expected is ignored."""
        if not self.awaits(user, name) or self._done is None or self._done.done():
            return
        self._missing.discard(name)
        self._answers[name] = value
        if not self._missing:
            self._done.set_result(None)

    def refuse(self, user: User, error: GuacrError) -> None:
        """Stop asking a user, and have `ask` raise an error."""
        if user is self._user and self._done is not None and not self._done.done():
            self._done.set_exception(error)

    def left(self, user: User) -> None:
        """Stop asking a user who has left."""
        self.refuse(user, ClosedError("the client left without an answer"))
