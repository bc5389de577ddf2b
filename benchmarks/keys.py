"""Keys at a shell's prompt: how long until the frame that shows them, and what each costs the
daemon. The client and the OpenSSH server are processes of their own on the same machine."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from itertools import cycle
from typing import Any

from benchmarks.console import Client
from benchmarks.daemon_process import DaemonProcess, daemon_process
from benchmarks.table import print_table
from tests.support.openssh import openssh_server

RATES = (20, 100, 400)
"""Keys per second; at the highest one, keys follow each other as soon as they are shown."""
KEYS = 200
BACKSPACE = 0xFF08


async def typed(client: Client, keys: int, rate: float) -> list[float]:
    """Type letters, each followed by a backspace; return the seconds until each was shown."""
    times, letters, due = [], cycle("etaoinshrdlu"), time.perf_counter()
    for number in range(keys):
        client.frames.clear()
        pressed = time.perf_counter()
        client.press(BACKSPACE if number % 2 else ord(next(letters)))
        await client.frame()
        times.append(client.last_frame - pressed)
        # uneven, so that no clock of the daemon falls into step with it
        due = max(due + random.uniform(0.5, 1.5) / rate, time.perf_counter())
        await asyncio.sleep(due - time.perf_counter())
    return times


async def measure(daemon: DaemonProcess, parameters: dict[str, Any]) -> list[list[object]]:
    """The rows of the table."""
    client = await Client.connect(daemon.port, "ssh", **parameters)
    await typed(client, 20, RATES[0])
    rows: list[list[object]] = []
    for rate in RATES:
        before = daemon.cpu_time()
        times = sorted(await typed(client, KEYS, rate))
        cpu = (daemon.cpu_time() - before) / KEYS
        late = times[int(0.95 * KEYS)]
        rows.append([f"{rate} a second", statistics.median(times) * 1e3, late * 1e3, cpu * 1e3])
    await client.close()
    return rows


def main() -> None:
    """Print the table."""
    with openssh_server() as server, daemon_process() as daemon:
        key = server.make_key("-t", "ed25519")
        parameters = server.address | {"username": server.user, "private-key": key}
        rows = asyncio.run(measure(daemon, parameters))
    columns = ["keys", "ms, median", "ms, 95 %", "CPU ms each"]
    print_table("From a key to the frame that shows it", columns, rows)


if __name__ == "__main__":
    main()
