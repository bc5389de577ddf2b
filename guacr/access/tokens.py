"""Tokens that grant a browser a connection: created by holders of a key, read by the daemon.

A token is a JWE in compact form (RFC 7516): `alg` is `dir`, `enc` is `A256GCM`, the key is the
SHA-256 digest of the configured key's UTF-8. It contains the claims of a JWT (RFC 7519):

    exp, iat      seconds since 1970; `exp` is required
    nbf, jti      optional; `jti` identifies the token in the log
    connection    one of {"protocol": P, "parameters": {name: text, …}}
                         {"name": a configured connection}
                         {"join": a connection id, "read-only": true or false, and
                          "watch": true for an operator, who does not keep the session
                          open, and of whom nobody is told if the settings say so}
                         {"recordings": a recording, a directory with "/" at its end, or "*"}
    allow         optional: names of parameters that the URL may also set
    sub           optional: the person for whom the token was made; data that is kept for a person,
                  such as the history of a console, is kept under this name
    once          optional: true if the token can be used once; needs `jti`
    limits        optional: an object of limits (`guacr.settings.limits.OwnLimits`)
    form          true in tokens that the daemon creates from a form

The time is an argument, in seconds since 1970.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from guacr.access.token_terms import claims_of, terms_of
from guacr.errors import UnauthorizedError
from guacr.json_text import parse_json
from guacr.session.origin import NO_TERMS, TokenTerms

TOKEN_MAX = 65536
"""Maximum characters of a token."""
SUBJECT_MAX = 256
"""Maximum characters of a token's subject."""
CLOCK_SKEW = 60
"""Seconds by which the clock of a token's issuer may be ahead."""
TIME_MAX = 1e12
"""Maximum seconds since 1970; about the year 31,000."""
TARGETS = ("protocol", "name", "join", "recordings")
"""The claims of a `connection`, of which a token has one."""
ALGORITHMS = ("dir", "A256GCM")
_HEADER = {"alg": "dir", "enc": "A256GCM"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The grant of a token; exactly one of `protocol`, `name`, `join` and `recordings` is set."""

    protocol: str = ""
    name: str = ""
    """A configured connection."""
    join: str = ""
    """The id of a running connection."""
    recordings: str = ""
    """The name of a recording, a directory of recordings with `/` at its end, or `*` for all."""
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Texts by name; for a joining user, that user's rights, such as `read-only`."""
    allow: tuple[str, ...] = ()
    """Names of parameters that the URL may set."""
    lenient: bool = False
    """True if unknown parameters are ignored instead of refused."""
    vouched: bool = True
    """True if a holder of the key has chosen the parameters, not the user of a form."""
    subject: str = ""
    """The person for whom the token was made."""
    terms: TokenTerms = NO_TERMS
    """Its conditions; one that can be used once has a time in `once_until`."""
    watch: bool = False
    """True for an operator who watches the session that is joined."""


def make_token(key: str, grant: Grant, *, now: float, lifetime: float) -> str:
    """Create a token that is valid for `lifetime` seconds from `now`."""
    claims: dict[str, Any] = {"connection": _connection(grant)}
    if grant.allow:
        claims["allow"] = list(grant.allow)
    if grant.subject:
        claims["sub"] = grant.subject
    if not grant.vouched:
        claims["form"] = True
    claims |= claims_of(grant.terms)
    return seal_claims(key, claims, now=now, lifetime=lifetime)


def read_token(keys: Sequence[str], token: str, *, now: float) -> Grant:
    """Decrypt `token` with one of `keys`, and check that it is valid at `now`.

    Raises:
        UnauthorizedError: the token is damaged, made with a different key, or expired; the message
            says which.
    """
    claims = open_claims(keys, token, now=now)
    connection = claims.get("connection")
    if not isinstance(connection, dict):
        raise UnauthorizedError("the token does not say what to connect to: create a new one")
    return _grant(connection, claims)


def seal_claims(key: str, claims: Mapping[str, Any], *, now: float, lifetime: float) -> str:
    """Create a token with any claims, which is valid for `lifetime` seconds from `now`."""
    timed = {"iat": int(now), "exp": int(now + lifetime), **claims}
    plaintext = json.dumps(timed, ensure_ascii=False, separators=(",", ":")).encode()
    return jwe.encrypt_compact(dict(_HEADER), plaintext, _key(key), algorithms=list(ALGORITHMS))


def open_claims(keys: Sequence[str], token: str, *, now: float) -> Mapping[str, Any]:
    """Decrypt `token` with one of `keys`, and return its claims if it is valid at `now`.

    Raises:
        UnauthorizedError: the token is damaged, made with a different key, or expired; the message
            says which.
    """
    if len(token) > TOKEN_MAX:
        raise UnauthorizedError(f"the token is longer than the {TOKEN_MAX} characters allowed")
    claims = _claims(keys, token)
    _check_times(claims, now)
    return claims


def parameter_texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Convert parameters to the texts of `connect`; `null` omits one.

    Raises:
        UnauthorizedError: a value is neither text, number, boolean nor null.
    """
    texts: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, bool):
            texts[name] = "true" if value else "false"
        elif isinstance(value, str | int | float):
            texts[name] = str(value)
        elif value is not None:
            raise UnauthorizedError(
                "the token contains a parameter that is not text: create a new one"
            )
    return texts


def _connection(grant: Grant) -> dict[str, Any]:
    if grant.join:
        read_only = grant.parameters.get("read-only") == "true"
        joining = {"join": grant.join, "read-only": read_only}
        return {**joining, "watch": True} if grant.watch else joining
    if grant.name:
        return {"name": grant.name}
    if grant.recordings:
        return {"recordings": grant.recordings}
    return {"protocol": grant.protocol, "parameters": dict(grant.parameters)}


def _claims(keys: Sequence[str], token: str) -> dict[str, Any]:
    for key in keys:
        try:
            found = jwe.decrypt_compact(token, _key(key), algorithms=list(ALGORITHMS))
            claims = parse_json(found.plaintext or b"")
        except (JoseError, ValueError, TypeError, RecursionError):  # joserfc's for odd headers
            continue
        if isinstance(claims, dict):
            return claims
    raise UnauthorizedError(
        "the token is invalid: it was changed in transit, or made with another key"
    )


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    expires = _time(claims, "exp")
    if expires is None:
        raise UnauthorizedError("the token has no expiry time: create it with exp")
    if now >= expires:
        raise UnauthorizedError("the token has expired: ask for a new one")
    for claim in ("nbf", "iat"):
        start = _time(claims, claim)
        if start is not None and now + CLOCK_SKEW < start:
            raise UnauthorizedError("the token is not valid yet: check the clocks, or wait")


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnauthorizedError(f"the token's {name} is not a time: create a new one")
    if abs(value) > TIME_MAX:
        raise UnauthorizedError(f"the token's {name} is not a time: create a new one")
    return float(value)


def _grant(connection: Mapping[str, Any], claims: Mapping[str, Any]) -> Grant:
    parameters = connection.get("parameters", {})
    if not isinstance(parameters, dict):
        raise UnauthorizedError("the token's parameters are not an object: create a new one")
    targets = {key: connection.get(key, "") for key in TARGETS}
    named = [key for key, value in targets.items() if value]
    if len(named) != 1 or not isinstance(targets[named[0]], str):
        raise UnauthorizedError(
            "the token must name one of protocol, name, join and recordings: create a new one"
        )
    texts = parameter_texts(parameters)
    if targets["join"]:
        texts = {"read-only": "true" if _is_read_only(connection) else "false"}
    terms = terms_of(claims)
    if targets["recordings"] and terms.once_until:
        raise UnauthorizedError("a token for recordings cannot work once: create a new one")
    return Grant(
        parameters=texts,
        allow=_allow(claims),
        vouched=claims.get("form") is not True,
        subject=subject_of(claims),
        terms=terms,
        watch=connection.get("watch") is True,
        **targets,
    )


def subject_of(claims: Mapping[str, Any]) -> str:
    """Return the claim `sub`.

    Raises:
        UnauthorizedError: it is not a text, or too long.
    """
    subject = claims.get("sub", "")
    if not isinstance(subject, str) or len(subject) > SUBJECT_MAX:
        raise UnauthorizedError(
            f"the token's sub is not a text of at most {SUBJECT_MAX} characters: create a new one"
        )
    return subject


def _is_read_only(connection: Mapping[str, Any]) -> bool:
    """Return whether the join is read-only, which it is unless clearly `false`."""
    return connection.get("read-only", True) not in (False, "false")


def _allow(claims: Mapping[str, Any]) -> tuple[str, ...]:
    names = claims.get("allow", [])
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise UnauthorizedError("the token's allow is not a list of names: create a new one")
    return tuple(names)


def _key(text: str) -> OctKey:
    return OctKey.import_key(hashlib.sha256(text.encode()).digest())
