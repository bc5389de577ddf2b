"""Hosts whose bytes are damaged, as a hostile one would: FreeRDP parses them in a worker.

The server encrypts with RC4, and FreeRDP goes on after a wrong signature, so that a changed byte of
the stream is a changed byte of what it parses.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.rdp import server
from tests.handlers.rdp.sessions import connected, workers, zygote_pid
from tests.support.certificates import Pair
from tests.support.freerdp_shadow import freerdp_shadow
from tests.support.tcp_proxy import tcp_proxy
from tests.support.waiting import until
from tests.support.xvnc import Desktop

ENDLESS = "while :; do head -c 300 /dev/urandom | base64 -w 78; sleep 0.03; done"
SPARED = 0, 100, 1_000, 4_000, 16_000, 40_000
"""Bytes before the first damage: from the first answer to the middle of the desktop."""
SEEDS = range(12)
RATE, DAMAGED = 0.3, 20
"""Which part of the pieces of a stream is damaged after the first one, and how many at most."""


class Damage:
    """Changes some bytes of a stream, each time in the same way."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._spared = SPARED[seed % len(SPARED)]
        self.count = 0

    def __call__(self, data: bytes) -> bytes:
        begin = min(self._spared, len(data))
        self._spared -= begin
        if begin == len(data) or (self.count and self._random.random() > RATE):
            return data
        changed = bytearray(data)
        changed[self._random.randrange(begin, len(data))] ^= 1 << self._random.randrange(8)
        self.count += 1
        return bytes(changed)


async def outcome(seed: int, daemon: Daemon, parameters: dict[str, str]) -> str:
    """Return the error of a session with a host whose bytes are damaged; empty if it goes on."""
    damage = Damage(seed)
    async with tcp_proxy("127.0.0.1", int(parameters["port"])) as (proxy, port):
        proxy.garble(damage)
        values = parameters | {"port": str(port), "security": "rdp"}
        async with await GuacClient.connect(address(daemon), "rdp", values) as client:
            await client.wait(
                lambda: client.state.errors or damage.count >= DAMAGED,
                f"an end, or more damage, of seed {seed}",
                timeout=60,
            )
    for sentence, status in client.state.errors:
        assert status in (Status.UPSTREAM_ERROR, Status.UPSTREAM_TIMEOUT), (seed, sentence)
        return str(sentence)
    return ""


async def test_damaged_streams(
    daemon: Daemon,
    desktop: Desktop,
    pair: Pair,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "HANDSHAKE_TIMEOUT", 8.0)
    desktop.start("xterm", "-geometry", "80x24+0+0", "-e", "sh", "-c", ENDLESS)
    async with (
        freerdp_shadow(desktop, "rdp", pair, tmp_path) as parameters,
        connected(daemon, parameters, security="rdp") as other,
    ):
        found = await asyncio.gather(*(outcome(seed, daemon, parameters) for seed in SEEDS))
        assert any(found), "the damage has no effect"
        await until(lambda: len(workers(zygote_pid())) == 1, "the workers' end")
        syncs = other.state.syncs
        await other.wait(lambda: other.state.syncs > syncs + 5, "more frames")
        assert not other.state.errors
