"""Keep libpq from sending the daemon's own credentials to servers that a client has named.

libpq completes a connection's options from environment variables, and from files in the home
directory of the daemon's account, among them passwords and keys
(https://www.postgresql.org/docs/current/libpq-envars.html).
"""

from __future__ import annotations

import os
from typing import Any

from psycopg import pq

_PREFIX = "PG"


def forget_environment() -> None:
    """Remove libpq's variables from the environment of this process. It is called before there are
    sessions, because other threads may read the environment."""
    for name in [name for name in os.environ if name.startswith(_PREFIX)]:
        del os.environ[name]


def nothing_ambient(missing: str) -> dict[str, Any]:
    """The options with which libpq uses no files or tickets of the daemon's account.

    Args:
        missing: the path of a file that does not exist.
    """
    wanted = {
        "passfile": missing,
        "sslcert": missing,
        "sslkey": missing,
        "sslcrl": missing,
        "sslcrldir": missing,
        "gssencmode": "disable",
        "require_auth": "!gss,!sspi",  # from libpq 16 on
    }
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    return {name: value for name, value in wanted.items() if name in known}


forget_environment()
