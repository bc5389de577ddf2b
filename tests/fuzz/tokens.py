"""Fuzzes tokens, of users and of operators: any text, and any claims under the right key, are
refused or grant what can be granted."""

from __future__ import annotations

import contextlib
import json
from base64 import b64encode

from guacr.access.guacamole_lite import (
    is_guacamole_lite,
    make_guacamole_lite_token,
    read_guacamole_lite_token,
)
from guacr.access.operator_tokens import make_operator_token, read_operator_token
from guacr.access.tokens import Grant, make_token, read_token, seal_claims
from guacr.errors import UnauthorizedError
from guacr.json_text import JsonError, parse_json
from tests.fuzz.driver import main

KEY, NOW = "k" * 32, 1e9
CLAIMS = [
    {"connection": {"protocol": "ssh", "parameters": {"hostname": "h", "port": 22}}},
    {"connection": {"join": "$1", "read-only": False, "watch": True}, "sub": "ann", "jti": "1"},
    {"connection": {"name": "n"}, "allow": ["font-size"], "once": True, "jti": "a", "form": True},
    {"connection": {"recordings": "*"}, "limits": {"sessions": 2}, "jti": "a", "nbf": 1.5},
    {"operator": ["read", "act"], "sub": "bob", "iat": 1, "exp": 2e9},
]
_LITE = make_guacamole_lite_token(KEY, Grant(protocol="ssh", parameters={"hostname": "h"}))
SAMPLES = [
    *(json.dumps(claims).encode() for claims in CLAIMS),
    make_token(KEY, Grant(protocol="ssh"), now=NOW, lifetime=60).encode(),
    make_operator_token(KEY, "bob", ["read"], now=NOW, lifetime=60).encode(),  # type: ignore[list-item]
    _LITE.encode(),
    b'{"iv": "' + b64encode(bytes(16)) + b'", "value": "' + b64encode(bytes(32)) + b'"}',
]


def one_input(data: bytes) -> None:
    """Read `data` as a token, and as the claims of one."""
    text = data.decode(errors="replace")
    _read(text)
    _read(b64encode(data).decode())
    with contextlib.suppress(JsonError):
        claims = parse_json(data)
        if isinstance(claims, dict):
            _read(seal_claims(KEY, claims, now=NOW, lifetime=60))


def _read(token: str) -> None:
    with contextlib.suppress(UnauthorizedError):
        if is_guacamole_lite(token):
            grant = read_guacamole_lite_token(KEY, token)
        else:
            with contextlib.suppress(UnauthorizedError):
                assert isinstance(read_operator_token([KEY], token, now=NOW).name, str)
            grant = read_token([KEY], token, now=NOW)
        targets = (grant.protocol, grant.name, grant.join, grant.recordings)
        assert sum(map(bool, targets)) == 1
        assert all(isinstance(value, str) for value in grant.parameters.values())


if __name__ == "__main__":
    main(one_input, SAMPLES)
