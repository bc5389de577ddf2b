"""The claims of a token about its use: whether it can be used once, and limits of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guacr.errors import UnauthorizedError
from guacr.session.origin import TokenTerms
from guacr.settings.limits import NO_LIMITS, OwnLimits

ID_MAX = 64
"""Maximum characters of a token's `jti` that count."""
SHARED = ("sessions", "connects", "bytes")
"""The limits that count for several sessions, and so need a name to count them under."""


def terms_of(claims: Mapping[str, Any]) -> TokenTerms:
    """Return the terms in `claims`, whose times have been checked.

    Raises:
        UnauthorizedError: a claim is invalid.
    """
    given = claims.get("jti", "")
    name = str(given)[:ID_MAX]
    once = claims.get("once", False)
    if not isinstance(once, bool):
        raise UnauthorizedError("the token's once is not true or false: create a new one")
    if once and not (isinstance(given, str) and 0 < len(given) <= ID_MAX):
        raise UnauthorizedError(
            f"a token that works once needs a jti of 1 to {ID_MAX} characters: create a new one"
        )
    limits = _limits(claims.get("limits", {}))
    if any(getattr(limits, limit) for limit in SHARED) and not (name or claims.get("sub")):
        raise UnauthorizedError("a token with limits needs a sub or a jti: create a new one")
    return TokenTerms(name, float(claims["exp"]) if once else 0.0, limits)


def claims_of(terms: TokenTerms) -> dict[str, Any]:
    """Return the claims for `terms`, of which those that are not given are left out."""
    claims: dict[str, Any] = {}
    if terms.id:
        claims["jti"] = terms.id
    if terms.once_until:
        claims["once"] = True
    if terms.limits != NO_LIMITS:
        claims["limits"] = terms.limits.model_dump(exclude_defaults=True)
    return claims


def _limits(value: object) -> OwnLimits:
    try:
        return OwnLimits.model_validate(value)
    except ValueError:  # pydantic's
        names = ", ".join(OwnLimits.model_fields)
        raise UnauthorizedError(
            f"the token's limits are not an object of numbers ({names}): create a new one"
        ) from None
