"""FreeRDP's shadow server, which shows an X display over RDP."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.certificates import Pair
from tests.support.require import require
from tests.support.server_process import end
from tests.support.waiting import free_port, listens, until
from tests.support.x_display import XDisplay

PROGRAM = "freerdp-shadow-cli"
START_TIMEOUT = 20.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody whom the server knows, if it authenticates."""

    username: str
    password: str
    domain: str = ""

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters that log in."""
        values = {"username": self.username, "password": self.password, "domain": self.domain}
        return {name: value for name, value in values.items() if value}


ALICE = Account("alice", "through the looking-glass")
BOB = Account("bob", "a b:c é€", "CORP")
CAROL = Account("carol@corp.example", "wonderland")
DORA = Account("dora", "")
EMPTY_HASH = "31d6cfe0d16ae931b73c59d7e0c089c0"
"""Of an empty password, which the program below refuses."""
ACCOUNTS = (ALICE, BOB, CAROL, DORA)


@asynccontextmanager
async def freerdp_shadow(
    display: XDisplay, security: str, pair: Pair, directory: Path, *options: str, port: int = 0
) -> AsyncIterator[dict[str, str]]:
    """The parameters for a server of a display, by default on any port.

    It has no clipboard, no audio source and no display control; when the display changes its size,
    the server does as well.

    Args:
        display: what it shows.
        security: `rdp`, `tls` or `nla`, which is the only one that it accepts. With `nla` it knows
            `ACCOUNTS`, otherwise nobody needs a password.
        pair: its certificate and RSA key.
        directory: an empty one for its files.
        options: more of the program's options.
        port: where it listens.
    """
    port = port or free_port()
    login = ("+auth", f"/sam-file:{_accounts(directory)}") if security == "nla" else ("-auth",)
    command = (
        str(require(PROGRAM)), "/bind-address:127.0.0.1", f"/port:{port}", f"/sec:{security}",
        *login, *options,
    )  # fmt: skip
    _write_pair(pair, directory)
    environment = display.environment | {"HOME": str(directory)}
    environment.pop("XDG_CONFIG_HOME", None)
    process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        await until(lambda: listens(port), PROGRAM, timeout=START_TIMEOUT)
        yield {"hostname": "127.0.0.1", "port": str(port)}
    finally:
        await asyncio.to_thread(end, process)


def _write_pair(pair: Pair, home: Path) -> None:
    """Put the certificate where the server would otherwise write one that it signs itself."""
    place = home / ".config/freerdp/shadow"
    place.mkdir(parents=True)
    (place / "shadow.crt").write_text(pair.certificate)
    (place / "shadow.key").write_text(pair.key)


def _accounts(directory: Path) -> Path:
    """Write the file with the NT hashes of passwords, one line for each of `ACCOUNTS`. FreeRDP's
    own program makes them: they need MD4, which OpenSSL no longer offers to Python."""
    program, path = str(require("winpr-hash")), directory / "sam"
    with path.open("ab", buffering=0) as file:
        for account in ACCOUNTS:
            if not account.password:
                file.write(f"{account.username}:::{EMPTY_HASH}:::\n".encode())
                continue
            domain = ("-d", account.domain) if account.domain else ()
            login = ("-u", account.username, "-p", account.password)
            subprocess.run([program, *login, *domain, "-f", "sam"], stdout=file, check=True)
    return path
