"""Connect to PostgreSQL."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field

import psycopg

from guacr.api import Network
from handlers.database.adapter import no_answer
from handlers.database.encryption import verifies
from handlers.database.params import DatabaseParams
from handlers.database.postgresql.ambient import nothing_ambient
from handlers.database.postgresql.errors import address_of, login_error
from handlers.database.postgresql.relay import Connection, Relay
from handlers.dial import resolve, unknown_host

HOSTS_MAX = 16
"""Maximum hosts of a list of which libpq chooses the first that it reaches."""


@dataclass(frozen=True)
class Login:
    """The database that a user connects to."""

    database: str
    password: str = field(repr=False)


async def log_in(
    params: DatabaseParams, login: Login, relay: Relay, network: Network
) -> Connection:
    """Log in through `relay`, which remains to be closed if this fails.

    Raises:
        GuacrError: the server cannot be reached, or refuses.
    """
    places = await _places(params, network)
    # psycopg's clock also counts while the daemon stands still; the loop's timers do not
    later = params.timeout if len(places) > 1 else 2 * params.timeout
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as authorities:
        authorities.write(params.tls_ca)
        authorities.flush()
        try:
            async with asyncio.timeout(params.timeout * len(places)):
                return await relay.connection_type().connect(
                    host=",".join(name for name, _ in places),
                    hostaddr=",".join(address for _, address in places),
                    port=params.port,
                    user=params.username,
                    password=login.password or None,
                    dbname=login.database,
                    connect_timeout=later,
                    sslmode=params.tls,
                    sslrootcert=_authorities(params, authorities.name),
                    **nothing_ambient(f"{authorities.name}.none"),
                    application_name="guacr",
                    client_encoding="UTF8",
                    options=_options(params),
                    autocommit=True,
                )  # fmt: skip
        except psycopg.Error as error:
            raise login_error(error, params) from None
        except TimeoutError:
            raise no_answer(address_of(params)) from None
        except UnicodeError:  # a name that the resolver cannot encode
            raise unknown_host(params.hostname) from None


async def _places(params: DatabaseParams, network: Network) -> list[tuple[str, str]]:
    """Return each host that libpq tries, with one of its addresses; a Unix socket has none."""
    found: list[tuple[str, str]] = []
    try:
        async with asyncio.timeout(params.timeout):
            for host in (params.hostname or "127.0.0.1").split(",")[:HOSTS_MAX]:
                name = host.strip()
                if name.startswith(("/", "@")):
                    found.append((name, ""))
                    continue
                addresses = await resolve(network, name, params.port)
                found += [(name, address[0]) for _, address in addresses]
    except TimeoutError:
        raise unknown_host(params.hostname) from None
    return found


def _options(params: DatabaseParams) -> str:
    options = f"-c statement_timeout={params.statement_timeout * 1000}"
    if params.read_only_session:
        options += " -c default_transaction_read_only=on"
    return options


def _authorities(params: DatabaseParams, file: str) -> str:
    """The value of libpq's sslrootcert: `file` if it has authorities, or the system's, which libpq
    accepts only for verify-full; never those of the daemon's account."""
    if not verifies(params):
        return f"{file}.none"
    return file if params.tls_ca else "system"
