"""A terminal in Chromium over WebRTC and over WebSocket: from a key to the frame that shows it, and
from the beginning to the first picture."""

from __future__ import annotations

import asyncio
import statistics

from typing_extensions import override

from benchmarks.screen import ScreenHandler
from benchmarks.table import print_table
from guacr.daemon import Daemon
from guacr.session.protocols import Protocols
from guacr.settings.models import Settings
from tests.support.browser import Page, chromium

KEYS = 400
"""Keys over each of the two, in turns."""
BATCH = 50
"""Keys of a command to the browser."""
CONNECTS = 15
PAUSE = 40
"""Milliseconds between two keys, so that each frame follows a quiet time."""
SCRIPT = """
const { default: Guacamole } = await import("./vendor/guacamole-common.js");
const { WebRtcTunnel } = await import("./static/webrtc.js");
const query = "connection=echo&width=1024&height=768&image=image/png";
const DRAWING = new Set(["img", "rect", "cfill", "copy", "blob"]);

// A client with its first picture; `type` is the time from a key to the frame that shows it.
function session(tunnel) {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const client = new Guacamole.Client(tunnel);
    const pass = tunnel.oninstruction;
    let drawn = false;
    let shown = null;
    tunnel.oninstruction = (opcode, args) => {
      pass(opcode, args);
      drawn ||= DRAWING.has(opcode);
      if (opcode === "sync" && drawn && shown) {
        const tell = shown;
        const received = performance.now();
        shown = drawn = false;
        client.getDisplay().flush(() => tell(received));
      }
    };
    const next = () => new Promise((told) => { drawn = false; shown = told; });
    const type = async (keysym) => {
      const frame = next();
      const before = performance.now();
      client.sendKeyEvent(1, keysym);
      const received = await frame;
      const after = performance.now();
      client.sendKeyEvent(0, keysym);
      return [received - before, after - before];
    };
    tunnel.onerror = (status) => reject(new Error(`closed with ${status.code}`));
    next().then(() => resolve({ client, type, opened: performance.now() - started }));
    client.connect(query);
  });
}

const makers = {
  webrtc: () => new WebRtcTunnel(() => undefined),
  websocket: () => new Guacamole.WebSocketTunnel("websocket"),
};
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const open = {};

globalThis.bench = {
  async open() {
    for (const name in makers) open[name] = await session(makers[name]());
    await pause(1000);
  },
  async keys(count) {
    const times = { webrtc: [], websocket: [] };
    for (let key = 0; key < count; key += 1) {
      for (const name in makers) {
        times[name].push(...(await open[name].type(key % 60 === 59 ? 0xff0d : 0x61 + (key % 26))));
        await pause(PAUSE);
      }
    }
    return times;
  },
  async connect() {
    const times = {};
    for (const name in makers) {
      const { client, opened } = await session(makers[name]());
      times[name] = [opened];
      client.disconnect();
      await pause(100);
    }
    return times;
  },
};
"""


class EchoHandler(ScreenHandler):
    """A terminal whose host returns what is typed."""

    name = "echo"

    @override
    async def run(self) -> None:
        self.start_input()
        await super().run()

    @override
    def send(self, data: bytes) -> None:
        self.feed(data)


Times = dict[str, list[float]]
"""Milliseconds by transport."""


async def gather(page: Page, script: str, rounds: int) -> Times:
    """The times that a script returns, of several rounds."""
    times: Times = {"webrtc": [], "websocket": []}
    for _ in range(rounds):
        for name, more in (await page.run(script)).items():
            times[name] += more
    return times


def _row(name: str, times: list[float]) -> list[object]:
    parts = statistics.quantiles(times, n=20)
    return [name, statistics.median(times), parts[14], parts[18]]


async def measure() -> tuple[Times, Times]:
    """The times of keys, and those of connecting."""
    page = {"hosts": ["127.0.0.1"], "port": 0}
    settings = Settings.model_validate(
        {
            "server": {"hosts": ["127.0.0.1"], "port": 0},
            "websocket": page,
            "webrtc": {"enabled": True, "loopback": True, "interfaces": ["lo"]},
            "connections": {"echo": {"protocol": "echo"}},
        }
    )
    daemon = Daemon(settings, protocols=Protocols({"echo": EchoHandler}))
    await daemon.start()
    try:
        async with chromium() as browser:
            tab = await browser.page()
            await tab.goto(f"http://127.0.0.1:{daemon.web_port}/")
            await tab.run(f"(async () => {{ const PAUSE = {PAUSE}; {SCRIPT} }})()")
            await tab.run("bench.open()")
            await tab.run("bench.keys(20)")
            typed = await gather(tab, f"bench.keys({BATCH})", KEYS // BATCH)
            return typed, await gather(tab, "bench.connect()", CONNECTS)
    finally:
        await daemon.close()


def main() -> None:
    """Print the tables; daemon, browser and this script share the machine."""
    typed, opened = asyncio.run(measure())
    columns = ["", "median", "p75", "p95"]
    for at, what in enumerate(("the bytes of its frame", "its drawn frame")):
        print_table(
            f"Key to {what} in Chromium, ms, {KEYS} keys each in turns",
            columns,
            [_row(name, times[at::2]) for name, times in typed.items()],
        )
    print_table(
        "Connect to first picture in Chromium, ms",
        columns,
        [_row(name, times) for name, times in opened.items()],
    )


if __name__ == "__main__":
    main()
