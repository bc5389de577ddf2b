"""Pebble, Let's Encrypt's ACME server for tests, which resolves every name to 127.0.0.1."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.certificates import Authority
from tests.support.require import require
from tests.support.waiting import POLL, free_port, listens

START_TIMEOUT = 30.0
KEY_ID, KEY = "kid-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
"""The external account that it requires."""


@dataclass(frozen=True, slots=True)
class Pebble:
    """A running server."""

    directory_url: str
    ca_file: Path
    """The authority of its own certificate."""
    http_port: int
    """The port that it connects to for challenges."""
    management: str

    def root(self) -> str:
        """The root of the certificates that it issues, as PEM."""
        context = ssl.create_default_context(cafile=self.ca_file)
        with urllib.request.urlopen(f"{self.management}/roots/0", context=context) as answer:
            return str(answer.read().decode())


@contextmanager
def pebble_server() -> Iterator[Pebble]:
    """A server that validates for real."""
    directory = Path(tempfile.mkdtemp(prefix="guacr-pebble-"))
    authority = Authority()
    pair = authority.issue("pebble")
    for name, text in [
        ("cert", pair.certificate),
        ("key", pair.key),
        ("ca", authority.certificate),
    ]:
        (directory / f"{name}.pem").write_text(text)
    port, management, http_port, dns = (free_port() for _ in range(4))
    config = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(directory / "cert.pem"),
        "privateKey": str(directory / "key.pem"),
        "httpPort": http_port,
        "externalAccountBindingRequired": True,
        "externalAccountMACKeys": {KEY_ID: KEY},
    }
    (directory / "config.json").write_text(json.dumps({"pebble": config}))
    names: list[str | Path] = [
        require("pebble-challtestsrv"),
        "-dns01",
        f"127.0.0.1:{dns}",
        "-defaultIPv6",
        "",
    ]
    names += ["-http01", "", "-https01", "", "-tlsalpn01", "", "-management", ""]
    server: list[str | Path] = [require("pebble"), "-config", directory / "config.json"]
    server += ["-dnsserver", f"127.0.0.1:{dns}"]
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, directory)
        _start(stack, names, dns)
        _start(stack, server, port)
        url, other = f"https://127.0.0.1:{port}/dir", f"https://127.0.0.1:{management}"
        yield Pebble(url, directory / "ca.pem", http_port, other)


def _start(stack: ExitStack, command: list[str | Path], port: int) -> None:
    quick = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | quick
    )
    stack.callback(process.wait)
    stack.callback(process.kill)
    deadline = time.monotonic() + START_TIMEOUT
    while not listens(port):
        assert process.poll() is None, f"{command[0]} has ended"
        assert time.monotonic() < deadline, f"{command[0]} does not start"
        time.sleep(POLL)
