"""Operators' tokens: made by `guacr token --operator`, or any holder of one of the keys for them.

They have the format of users' tokens (`guacr.access.tokens`), with these claims:

    exp, iat, nbf   as in users' tokens
    operator        a list of rights: "read", "watch", "act"
    sub             the operator's name, for the log and the audit log

They can be used until they expire; one with `once` is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from guacr.access.tokens import open_claims, seal_claims, subject_of
from guacr.errors import UnauthorizedError


class Right(StrEnum):
    """A right of an operator; `WATCH` and `ACT` include `READ`."""

    READ = "read"
    """List sessions, their users, workers and events."""
    WATCH = "watch"
    """Watch sessions, read-only."""
    ACT = "act"
    """End sessions, drain, reload."""


ALL_RIGHTS = frozenset(Right)


@dataclass(frozen=True, slots=True)
class OperatorGrant:
    """The grant of an operator's token."""

    name: str
    rights: frozenset[Right]
    expires: float
    """Seconds since 1970."""


def make_operator_token(
    key: str, name: str, rights: Iterable[Right], *, now: float, lifetime: float
) -> str:
    """Create a token that is valid for `lifetime` seconds from `now`."""
    claims: dict[str, object] = {"operator": sorted(rights)}
    if name:
        claims["sub"] = name
    return seal_claims(key, claims, now=now, lifetime=lifetime)


def read_operator_token(keys: Sequence[str], token: str, *, now: float) -> OperatorGrant:
    """Decrypt `token` with one of `keys`, and check that it is valid at `now`.

    Raises:
        UnauthorizedError: the token is damaged, made with a different key, expired, not for
            operators, or one that works once; the message says which.
    """
    claims = open_claims(keys, token, now=now)
    names = claims.get("operator")
    if not isinstance(names, list):
        raise UnauthorizedError("the token is not for operators: use `guacr token --operator`")
    if claims.get("once", False) is not False:
        raise UnauthorizedError("a token for operators cannot work once: create a new one")
    try:
        rights = frozenset(map(Right, names))
    except (ValueError, TypeError):
        known = ", ".join(Right)
        raise UnauthorizedError(
            f"the token has an unknown right: the known ones are {known}"
        ) from None
    return OperatorGrant(subject_of(claims), rights, float(claims["exp"]))
