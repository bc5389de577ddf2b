"""Operators and their rights."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from guacr.access.operator_tokens import ALL_RIGHTS, Right, read_operator_token
from guacr.errors import ForbiddenError, SettingsError, UnauthorizedError
from guacr.settings.models import EVERYTHING, Settings

ANONYMOUS = "operator"
"""The name of operators whose token has none."""


@dataclass(frozen=True, slots=True)
class Operator:
    """A person or a program with rights."""

    name: str
    rights: frozenset[Right]
    peer: str
    """The address, for the log."""
    expires: float | None = None
    """When the rights end, in seconds since 1970."""

    def seconds_left(self) -> float | None:
        """Return the seconds until the rights end; None if they do not."""
        return None if self.expires is None else max(0.0, self.expires - time.time())

    def check(self, right: Right) -> None:
        """Check for a right.

        Raises:
            ForbiddenError: this operator does not have it.
        """
        if right not in self.rights and not (right is Right.READ and self.rights):
            raise ForbiddenError(
                f"this needs the right `{right}`, which you do not have: ask for it"
            )


class Authority:
    """Recognises operators according to the `control` settings.

    `clock` returns the seconds since 1970.

    Raises:
        SettingsError: the keys are those of users' tokens.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings = check_keys(settings).control
        self._clock = clock

    def apply(self, settings: Settings) -> None:
        """Apply new settings, which `check_keys` has accepted."""
        self._settings = settings.control

    def by_token(self, token: str, peer: str) -> Operator:
        """Return the operator whom a token is for.

        Raises:
            UnauthorizedError: the token is invalid, expired or not for operators.
        """
        grant = read_operator_token(self._settings.token_keys, token, now=self._clock())
        return Operator(grant.name or ANONYMOUS, grant.rights, peer, grant.expires)

    def by_certificate(self, names: Iterable[str], peer: str) -> Operator:
        """Return the operator who has a verified certificate with these names.

        Raises:
            UnauthorizedError: none of them is in the settings.
        """
        lists = {
            Right.READ: self._settings.readers,
            Right.WATCH: self._settings.watchers,
            Right.ACT: self._settings.actors,
        }
        present = list(names)
        known = [name for name in present if any(name in listed for listed in lists.values())]
        rights = {
            right for right, listed in lists.items() if EVERYTHING in listed or {*listed} & {*known}
        }
        if not rights or not present:
            raise UnauthorizedError(
                "no name of the client certificate is in control.readers, watchers or actors"
            )
        return Operator((known or present)[0], frozenset(rights), peer)

    def by_account(self, uid: int) -> Operator:
        """Return the operator at the other end of the Unix socket, whose permissions are all that
        is needed. Its name is the number, since looking up the account's name can be slow."""
        return Operator(f"uid {uid}", ALL_RIGHTS, "the Unix socket")


def check_keys(settings: Settings) -> Settings:
    """Return the settings.

    Raises:
        SettingsError: a key of operators' tokens is one of users' tokens, too: whoever makes
            tokens for users could make them for operators.
    """
    if set(settings.control.token_keys) & set(settings.websocket.token_keys):
        raise SettingsError(
            "control.token_keys has a key of websocket.token_keys: generate another one, since "
            "whoever makes tokens for users must not be able to make them for operators"
        )
    return settings
