"""The parameters of database connections stay where clients expect them."""

from __future__ import annotations

import pytest

from guacr.session.protocols import Protocols

SHARED = """
hostname port username password database timeout tls tls-ca read-only-session max-rows
statement-timeout keep-history disable-download disable-upload font-name font-size color-scheme
minimum-contrast terminal-type func-keys-and-keypad backspace scrollback clipboard-buffer-size
disable-copy disable-paste read-only typescript-path typescript-name create-typescript-path
typescript-write-existing recording-path recording-name recording-exclude-output
recording-exclude-mouse recording-include-keys recording-include-clipboard create-recording-path
recording-write-existing
""".split()  # noqa: SIM905 - a list of 38 strings is no easier to read
OWN = {"mongodb": ["auth-source"], "redis": ["tls-cert", "tls-key", "raw", "cluster"]}


@pytest.mark.parametrize(
    "protocol",
    ["mongodb", "mysql", "oracle", "postgres", "postgresql", "redis", "sql-server", "sqlite",
     "sqlserver"],
)  # fmt: skip
def test_names_and_their_order(protocol: str) -> None:
    names = [param.name for param in Protocols().find(protocol).params_type.declared()]
    assert names == SHARED + OWN.get(protocol, [])
