"""A real STUN and TURN server, coturn, on free ports of the loopback interface."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from guacr.tubes.rtc.ice.settings import IceServer
from tests.support.certificates import Authority
from tests.support.require import require
from tests.support.waiting import free_port, listens, until

USER, PASSWORD = "somebody", "s3cret"
RELAY_PORTS = (32000, 32767)
"""Below those that the system gives."""


@dataclass(frozen=True, slots=True)
class Coturn:
    """A running server."""

    port: int
    tls_port: int
    authorities: str
    """The authority of its certificate, as PEM."""
    log_file: Path
    pid: int

    def kill(self) -> None:
        """End it without a word to its clients."""
        os.kill(self.pid, signal.SIGKILL)

    def server(self, kind: str, password: str = PASSWORD) -> IceServer:
        """The server as `stun`, or as TURN over `udp`, `tcp` or `tls`."""
        url = {
            "stun": f"stun:127.0.0.1:{self.port}",
            "udp": f"turn:127.0.0.1:{self.port}?transport=udp",
            "tcp": f"turn:127.0.0.1:{self.port}?transport=tcp",
            "tls": f"turns:localhost:{self.tls_port}",
        }[kind]
        return IceServer(url, USER, password, self.authorities)

    def count(self, pattern: str) -> int:
        """How often the log has a pattern."""
        return len(re.findall(pattern, self.log_file.read_text()))

    def allocations(self) -> int:
        """How many allocations there are."""
        return self.count(r"\d: new, realm") - self.count(r"delete: realm")


@asynccontextmanager
async def coturn(*, lifetime: int = 600, secret: str = "") -> AsyncIterator[Coturn]:
    """Run a server, whose allocations live for `lifetime` seconds; with a `secret`, its users have
    time-limited credentials."""
    program = require("turnserver")
    directory = Path(tempfile.mkdtemp(prefix="guacr-coturn-"))
    authority = Authority()
    pair = authority.issue("coturn")
    (directory / "cert.pem").write_text(pair.certificate)
    (directory / "key.pem").write_text(pair.key)
    port, tls_port = free_port(), free_port()
    process = await asyncio.create_subprocess_exec(
        program,
        *("-n", "--no-cli", "--no-dtls", "--verbose", "--simple-log", "--no-software-attribute"),
        *("--allow-loopback-peers", "--fingerprint", "--relay-threads=1"),
        *_credentials(secret),
        *("--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--realm=guacr.test"),
        f"--listening-port={port}",
        f"--tls-listening-port={tls_port}",
        f"--min-port={RELAY_PORTS[0]}",
        f"--max-port={RELAY_PORTS[1]}",
        f"--max-allocate-lifetime={lifetime}",
        f"--cert={directory}/cert.pem",
        f"--pkey={directory}/key.pem",
        f"--pidfile={directory}/pid",
        f"--userdb={directory}/users",
        f"--log-file={directory}/log",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        running = Coturn(port, tls_port, authority.certificate, directory / "log", process.pid)
        await until(lambda: listens(port) and listens(tls_port), "coturn")
        await until(lambda: running.count(f"UDP listener opened on: 127.0.0.1:{port}"), "coturn")
        yield running
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        shutil.rmtree(directory, ignore_errors=True)


def _credentials(secret: str) -> tuple[str, ...]:
    if secret:
        return "--use-auth-secret", f"--static-auth-secret={secret}"
    return "--lt-cred-mech", f"--user={USER}:{PASSWORD}"
