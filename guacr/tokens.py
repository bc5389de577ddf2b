"""Tokens that say what a browser may connect to: made by whoever holds a key, read by the daemon.

A token is a JWE in compact form (RFC 7516): `alg` is `dir`, `enc` is `A256GCM`, the key is the
SHA-256 digest of the configured key's UTF-8. What it holds is a JWT's claims (RFC 7519):

    exp, iat      seconds since 1970; `exp` is required
    nbf, jti      optional; `jti` (or a made one) names the token in the log
    connection    one of {"protocol": P, "parameters": {name: text, …}}
                         {"name": a connection of the configuration}
                         {"join": a connection id, "read-only": true or false}
    allow         optional: names of parameters that the address may set besides
    sub           optional: the person whom the token is for; what is kept for somebody, such as the
                  history of a console, is kept by this name
    form          true in tokens that the daemon makes of what a form's user entered

The time comes in as an argument, in seconds since 1970.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from guacr.errors import UnauthorizedError
from guacr.json_text import parse_json

TOKEN_MAX = 65536
"""Characters of a token."""
SUBJECT_MAX = 256
"""Characters of a token's subject."""
CLOCK_SKEW = 60
"""Seconds by which the clock of a token's maker may be ahead."""
TIME_MAX = 1e12
"""Seconds since 1970; the year 31,000 or so."""
ALGORITHMS = ("dir", "A256GCM")
_HEADER = {"alg": "dir", "enc": "A256GCM"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a token lets its bearer do; one of `protocol`, `name` and `join` is set."""

    protocol: str = ""
    name: str = ""
    """A connection of the configuration."""
    join: str = ""
    """The id of a running connection."""
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Texts by name; for a joiner, its own rights, such as `read-only`."""
    allow: tuple[str, ...] = ()
    """Names of parameters that the address may set."""
    lenient: bool = False
    """Whether parameters that the protocol does not know are left out instead of refused."""
    vouched: bool = True
    """Whether whoever holds the key has chosen the parameters, and not a form's user."""
    subject: str = ""
    """The person whom the token is for."""
    token_id: str = ""


def make_token(key: str, grant: Grant, *, now: float, lifetime: float) -> str:
    """A token that holds for `lifetime` seconds from `now`."""
    claims: dict[str, Any] = {
        "iat": int(now),
        "exp": int(now + lifetime),
        "connection": _connection(grant),
    }
    if grant.allow:
        claims["allow"] = list(grant.allow)
    if grant.subject:
        claims["sub"] = grant.subject
    if not grant.vouched:
        claims["form"] = True
    if grant.token_id:
        claims["jti"] = grant.token_id
    plaintext = json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode()
    return jwe.encrypt_compact(dict(_HEADER), plaintext, _key(key), algorithms=list(ALGORITHMS))


def read_token(keys: Sequence[str], token: str, *, now: float) -> Grant:
    """What `token` grants, if one of `keys` made it and it holds at `now`.

    Raises:
        UnauthorizedError: it is not whole, made with another key, or past its time; the message
            says which.
    """
    if len(token) > TOKEN_MAX:
        raise UnauthorizedError(f"the token is longer than the {TOKEN_MAX} characters allowed")
    claims = _claims(keys, token)
    _check_times(claims, now)
    connection = claims.get("connection")
    if not isinstance(connection, dict):
        raise UnauthorizedError("the token does not say what to connect to: make it anew")
    return _grant(connection, claims)


def parameter_texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Parameters as the texts that `connect` would carry; `null` leaves one out.

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
            raise UnauthorizedError("the token holds a parameter that is not text: make it anew")
    return texts


def _connection(grant: Grant) -> dict[str, Any]:
    if grant.join:
        read_only = grant.parameters.get("read-only") == "true"
        return {"join": grant.join, "read-only": read_only}
    if grant.name:
        return {"name": grant.name}
    return {"protocol": grant.protocol, "parameters": dict(grant.parameters)}


def _claims(keys: Sequence[str], token: str) -> dict[str, Any]:
    for key in keys:
        try:
            found = jwe.decrypt_compact(token, _key(key), algorithms=list(ALGORITHMS))
            claims = parse_json(found.plaintext or b"")
        except (JoseError, ValueError, TypeError, RecursionError):  # joserfc's own for odd headers
            continue
        if isinstance(claims, dict):
            return claims
    raise UnauthorizedError(
        "the token is not valid here: it was changed on its way, or made with another key"
    )


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    expires = _time(claims, "exp")
    if expires is None:
        raise UnauthorizedError("the token does not say when it expires: make it with exp")
    if now >= expires:
        raise UnauthorizedError("the token has expired: ask for a new link")
    for claim in ("nbf", "iat"):
        start = _time(claims, claim)
        if start is not None and now + CLOCK_SKEW < start:
            raise UnauthorizedError("the token is not valid yet: check the clocks, or wait")


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnauthorizedError(f"the token's {name} is not a time: make it anew")
    if abs(value) > TIME_MAX:
        raise UnauthorizedError(f"the token's {name} is not a time: make it anew")
    return float(value)


def _grant(connection: Mapping[str, Any], claims: Mapping[str, Any]) -> Grant:
    parameters = connection.get("parameters", {})
    if not isinstance(parameters, dict):
        raise UnauthorizedError("the token's parameters are not an object: make it anew")
    targets = {key: connection.get(key, "") for key in ("protocol", "name", "join")}
    named = [key for key, value in targets.items() if value]
    if len(named) != 1 or not isinstance(targets[named[0]], str):
        raise UnauthorizedError("the token must name one of protocol, name and join: make it anew")
    texts = parameter_texts(parameters)
    if targets["join"]:
        texts = {"read-only": "true" if _is_read_only(connection) else "false"}
    return Grant(
        parameters=texts,
        allow=_allow(claims),
        vouched=claims.get("form") is not True,
        subject=_subject(claims),
        token_id=str(claims.get("jti", ""))[:64],
        **targets,
    )


def _subject(claims: Mapping[str, Any]) -> str:
    subject = claims.get("sub", "")
    if not isinstance(subject, str) or len(subject) > SUBJECT_MAX:
        raise UnauthorizedError(
            f"the token's sub is not a text of at most {SUBJECT_MAX} characters: make it anew"
        )
    return subject


def _is_read_only(connection: Mapping[str, Any]) -> bool:
    """Whoever does not clearly say `false` may only watch."""
    return connection.get("read-only", True) not in (False, "false")


def _allow(claims: Mapping[str, Any]) -> tuple[str, ...]:
    names = claims.get("allow", [])
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise UnauthorizedError("the token's allow is not a list of names: make it anew")
    return tuple(names)


def _key(text: str) -> OctKey:
    return OctKey.import_key(hashlib.sha256(text.encode()).digest())
