"""Files through the page in Chromium, over links with a round trip (takes root).

Chromium, the daemon and the link are three processes on this machine.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from socket import IPPROTO_TCP, TCP_NODELAY, create_server, socket

from benchmarks.table import print_table
from tests.browser.files import choose, state
from tests.browser.visit import CONNECTED
from tests.support.browser import Page, Window, chromium
from tests.support.network_namespace import ip
from tests.support.slow_link import DEVICE, FAR, SlowLink, slow_link

ROUND_TRIPS = (0.0, 0.05, 0.1)
RATE = 4e7
"""Bytes per second of the link."""
PACKET = 60_000
"""Bytes of the link's packets: it carries each in Python."""
SIZE = 60_000_000
PORT = 4823
KEY = "k" * 32
GUACR = [sys.executable, "-m", "guacr"]
SETTINGS = f"""
[server]
hosts = ["127.0.0.1"]
[websocket]
hosts = ["{FAR}"]
token_keys = ["{KEY}"]
allowed_origins = ["*"]
[connections.card]
protocol = "testcard"
parameters = {{ frame-rate = 1, noise = false, moving-window = false, scrolling-text = false }}
"""


async def carry(source: socket, sink: socket) -> None:
    """Carry bytes from one socket to another until its end."""
    loop = asyncio.get_running_loop()
    with suppress(OSError):
        while data := await loop.sock_recv(source, 262144):
            await loop.sock_sendall(sink, data)


async def forward(server: socket, link: SlowLink) -> None:
    """Forward connections to the daemon behind the link."""
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        while True:
            near, _ = await loop.sock_accept(server)
            near.setblocking(False)
            far = await link.connect(FAR, PORT)
            for end in (near, far):
                end.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            tasks.create_task(carry(near, far))
            tasks.create_task(carry(far, near))


@asynccontextmanager
async def daemon(link: SlowLink, config: Path) -> AsyncIterator[None]:
    """Run a daemon behind the link."""
    command = ["ip", "netns", "exec", link.far, *GUACR, "serve", "--config", str(config)]
    process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.DEVNULL)
    try:
        while True:
            with suppress(OSError):
                (await link.connect(FAR, PORT)).close()
                break
            await asyncio.sleep(0.1)
        yield
    finally:
        process.terminate()
        await process.wait()


async def rate(page: Page, name: str) -> float:
    """Megabytes per second of a transfer, as its line says."""
    await page.until(state(page, name, "MB/s"), name, 120)
    text = await page.run(
        "[...document.querySelectorAll('#transfers li')]"
        f".find(line => line.innerText.includes('{name}')).innerText"
    )
    return float(text.rpartition(", ")[2].partition(" ")[0])


async def measure(round_trip: float, config: Path, fragment: str) -> list[float]:
    """Return the rates of an upload and of a download."""
    async with slow_link(RATE, round_trip) as link, daemon(link, config):
        for end in (link.near, link.far):
            ip("-n", end, "link", "set", DEVICE, "mtu", str(PACKET))
        server = create_server(("127.0.0.1", 0))
        server.setblocking(False)
        forwarding = asyncio.create_task(forward(server, link))
        async with chromium() as browser:
            page = await browser.page(Window(width=800, height=600))
            origin = f"http://127.0.0.1:{server.getsockname()[1]}"
            await page.goto(f"{origin}/#{fragment}")
            await page.until(CONNECTED, "the card", 60)
            await page.click("#bar-toggle")
            await page.click("#action-files")
            await page.click('#files-rows [aria-label="Open upload"]')
            await page.until("/is empty/.test(document.body.innerText)", "the folder")
            await page.run(choose(f"new File([new Uint8Array({SIZE})], 'up')"))
            up = await rate(page, "up")
            await page.click("#files-path button")
            await page.click('#files-rows [aria-label="Open download"]')
            await page.click('#files-rows [aria-label="Download 100 MiB"]')
            down = await rate(page, "100 MiB")
        forwarding.cancel()
        await asyncio.wait([forwarding])
        server.close()
        return [up, down]


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory, "guacr.toml")
        config.write_text(SETTINGS)
        made = [*GUACR, "token", "--config", str(config), "--connection", "card"]
        token = subprocess.run(made, capture_output=True, text=True, check=True).stdout.strip()
        rows = [
            [f"{trip * 1e3:.0f} ms", *asyncio.run(measure(trip, config, f"token={token}"))]
            for trip in ROUND_TRIPS
        ]
    print_table("Files of the page, by the link's round trip", ["", "up, MB/s", "down"], rows)


if __name__ == "__main__":
    main()
