"""Desktops over RDP and VNC: starts servers and a daemon, runs `guacbench.py` and prints a row for
each name. RDP needs root and xrdp with xorgxrdp, VNC needs Xvnc; some rows need xterm.

    python -m benchmarks.desktops [--guacr COMMAND] [--freerdp3] [--json] NAME...
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import guacbench
from tests.support.certificates import Authority
from tests.support.freerdp3 import PYTHON as FREERDP3
from tests.support.freerdp_shadow import freerdp_shadow
from tests.support.server_process import end
from tests.support.waiting import POLL, free_port, listens
from tests.support.xrdp import xrdp_server
from tests.support.xvnc import xvnc

HERE = Path(__file__).parent
BENCH = (sys.executable, str(HERE / "guacbench.py"))
ANIMATION = f"exec {sys.executable} {HERE / 'xanim.py'}"
START_TIMEOUT = 30.0
"""Seconds for the daemon."""
FLEET = 10
BUSY = 3
"""Sessions of a fleet, and how many of them are busy where not all are."""
REST = 16
"""Seconds after which a session has freed what only changes need."""
TUI_FRAMES = 300

TEXT = f"{ANIMATION} text --seconds 16 --hold 20"
XTERM = "exec xterm -geometry 100x40+20+20 -fn 6x13 -e sh -c "
SCROLL = XTERM + "'while :; do seq 1 100000; done'"
LISTING = XTERM + "'while :; do ls -l --color=always /usr/bin; done'"
TUI = f"{XTERM.removesuffix('sh -c ')}{' '.join(BENCH)} play {{tui}} --fps 30"
DRAG = f"{ANIMATION} drag --fps 60 --patch 400x300 --seconds 14.5 --hold 14"
VIDEO = f"{ANIMATION} patch --fps 30 --patch 1280x720 --noise 6 --seconds 26"
TYPING = (
    "exec xterm -geometry {0}x20+{1}+20 -b 2 -bw 1 -fn 6x13 +sb"
    " -e sh -c 'stty -icanon; exec cat >/dev/null'"
)
TYPED = ("--lead", "5", "--click", "300,100")
TYPED_FEWER = (*TYPED, "--cell", "22,23", "--keys", "150")


@dataclass(frozen=True, slots=True)
class Row:
    """A measurement: a command of guacbench, and what runs on the desktop meanwhile."""

    protocol: str
    size: tuple[int, int]
    spawn: str = ""
    command: str = "screen"
    options: Sequence[str] = ()
    busy: int = 0
    """With `fleet`: sessions in which it runs."""


def _animated(mode: str, rest: int = 6) -> tuple[str, Sequence[str]]:
    return f"{ANIMATION} {mode} --seconds 16 --hold 20", ("--truth", "--rest", str(rest))


HD, FULL, ULTRA, SMALL = (1280, 720), (1920, 1080), (3840, 2160), (1024, 768)
ROWS = {
    f"rdp-{mode}-{size[1]}": Row("rdp", size, *_animated(mode)[:1], options=_animated(mode)[1])
    for mode in ("text", "grad", "photo")
    for size in (HD, FULL)
} | {
    "rdp-xterm-1080": Row("rdp", FULL, SCROLL),
    "rdp-xterm-2160": Row("rdp", ULTRA, SCROLL),
    "rdp-typing": Row("rdp", HD, TYPING.format(200, 20), "typing", TYPED),
    "rdp-connect": Row("rdp", HD, "", "connect", ("--repeat", "10", "--pause", "1")),
    "rdp-join": Row("rdp", FULL, f"{ANIMATION} still --seconds 1 --hold 90", "join"),
    "rdp-memory": Row("rdp", HD, f"{ANIMATION} still --seconds 1 --hold 90", "memory"),
    "rdp-fleet": Row("rdp", HD, SCROLL, "fleet", busy=BUSY),
    "shadow-text-720": Row("shadow", HD, *_animated("text")[:1], options=_animated("text")[1]),
    "shadow-photo-720": Row("shadow", HD, *_animated("photo")[:1], options=_animated("photo")[1]),
    "shadow-grad-720": Row("shadow", HD, *_animated("grad")[:1], options=_animated("grad")[1]),
    "vnc-text-768": Row("vnc", SMALL, *_animated("text")[:1], options=_animated("text")[1]),
    "vnc-text-1080": Row("vnc", FULL, *_animated("text")[:1], options=_animated("text")[1]),
    "vnc-photo-1080": Row("vnc", FULL, *_animated("photo")[:1], options=_animated("photo")[1]),
    "vnc-drag-1080": Row("vnc", FULL, DRAG, options=("--truth", "--rest", "8")),
    "vnc-video-1080": Row("vnc", FULL, VIDEO, options=("--truth", "--without", "304,164,1312,752")),
    "vnc-connect": Row("vnc", SMALL, "", "connect", ("--repeat", "40")),
    "vnc-viewers": Row("vnc", SMALL, TUI, "viewers", ("--viewers", "10")),
    "vnc-rest": Row("vnc", SMALL, "true"),
    "vnc-ico": Row("vnc", SMALL, "exec ico -faces -geometry 600x600 -sleep 0"),
    "vnc-xterm": Row("vnc", SMALL, LISTING),
    "vnc-tui": Row("vnc", SMALL, TUI),
    "vnc-fleet": Row("vnc", SMALL, TUI, "fleet", busy=FLEET),
    "vnc-typing": Row("vnc", SMALL, TYPING.format(160, 19), "typing", TYPED_FEWER),
    "vnc-join": Row("vnc", FULL, f"{ANIMATION} still --seconds 1 --hold 90", "join"),
}


@dataclass(slots=True)
class Desktop:
    """A desktop, and the parameters that show it."""

    display: str
    parameters: dict[str, str]
    server: int


class Daemon:
    """A daemon in a process of its own."""

    def __init__(self, command: str, executable: Path | None) -> None:
        self.port = free_port()
        arguments = ["serve", "-f", "-b", "127.0.0.1", "-l", str(self.port), "-L", "warning"]
        environment = {**os.environ, "GUACR_WEBSOCKET__ENABLED": "false"}
        parts = [*command.split(), *arguments]
        if executable is not None:
            setting = f"import sys; sys.executable = {str(executable)!r}"
            begin = f"{setting}; from guacr.cli.main import main; sys.exit(main(sys.argv[1:]))"
            parts = [sys.executable, "-c", begin, *arguments]
        self._process = subprocess.Popen(parts, env=environment)
        self.pid = self._process.pid
        deadline = time.monotonic() + START_TIMEOUT
        while not listens(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                sys.exit("the daemon does not start")
            time.sleep(POLL)

    def close(self) -> None:
        """End it."""
        end(self._process)


@asynccontextmanager
async def desktop_of(row: Row, daemon: Daemon, more: dict[str, str]) -> AsyncIterator[Desktop]:
    """A desktop of the row's size, of a server of its own."""
    async with AsyncExitStack() as stack:
        if row.protocol == "vnc":
            shown = await stack.enter_async_context(xvnc(size=row.size))
            parameters = shown.parameters | {"disable-display-resize": "true"} | more
            yield Desktop(shown.display, parameters, shown.server.pid)
            return
        pair = Authority().issue("server", rsa_key=True)
        if row.protocol == "shadow":
            shown = await stack.enter_async_context(xvnc(size=row.size))
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            shadow = freerdp_shadow(shown, "tls", pair, directory)
            parameters = await stack.enter_async_context(shadow)
            more = {"security": "tls", "ignore-cert": "true"} | more
            yield Desktop(shown.display, parameters | more, shown.server.pid)
            return
        server = stack.enter_context(xrdp_server(pair))
        parameters = server.parameters() | {"ignore-cert": "true"} | more
        desktop = Desktop("", parameters, server.pid)
        # The session begins with the first connection, and keeps the size of the last one.
        await bench(row, daemon, desktop, "connect", "--repeat", "1")
        display = await server.display()
        desktop.display = display.display
        try:
            yield desktop
        finally:
            await server.end_sessions()


async def bench(
    row: Row,
    daemon: Daemon,
    desktop: Desktop,
    command: str,
    *more: str,
    spawn: str = "",
    is_metered: bool = True,
) -> dict[str, Any]:
    """Run guacbench and return its result, with the daemon's CPU and memory if `is_metered`."""
    width, height = map(str, row.size)
    target = ["--port", str(daemon.port)]
    target += ["--daemon-pid", str(daemon.pid)] if is_metered else []
    target += [
        "--protocol",
        row.protocol.replace("shadow", "rdp"),
        "--width",
        width,
        "--height",
        height,
    ]
    for name, value in desktop.parameters.items():
        target += ["-p", f"{name}={value}"]
    if desktop.display and command != "connect":
        target += ["--display", desktop.display, "--spawn", spawn]
    if command == "screen" and is_metered:
        target += ["--server-pid", str(desktop.server)]
    process = await asyncio.create_subprocess_exec(
        *BENCH, command, *target, *more, stdout=subprocess.PIPE
    )
    output, _ = await process.communicate()
    if process.returncode:
        sys.exit(f"guacbench {command} has failed")
    result: dict[str, Any] = json.loads(output)
    return result


async def measure(row: Row, daemon: Daemon, tui: Path, more: dict[str, str]) -> dict[str, Any]:
    """Measure one row."""
    spawn = row.spawn.replace("{tui}", str(tui))
    async with AsyncExitStack() as stack:
        count = {"fleet": FLEET, "memory": 2}.get(row.command, 1)
        desktops = [
            await stack.enter_async_context(desktop_of(row, daemon, more)) for _ in range(count)
        ]
        first = desktops[0]
        if row.command == "fleet":
            runs = [
                bench(row, daemon, desktop, "screen", spawn=spawn, is_metered=number == 0)
                for number, desktop in enumerate(desktops[: row.busy])
            ]
            runs += [
                bench(row, daemon, desktop, "screen", spawn="true", is_metered=False)
                for desktop in desktops[row.busy :]
            ]
            results = (await asyncio.gather(*runs))[: row.busy]
            rates = [result["drawn_fps"] for result in results]
            return {
                "frames_per_s_each": statistics.median(rates),
                "least": min(rates),
                "daemon_cpu_s": results[0]["daemon_cpu_s"],
            }
        if row.command == "memory":
            other = bench(
                row, daemon, first, "screen", "--seconds", "40", spawn=spawn, is_metered=False
            )
            watching = asyncio.create_task(other)
            await asyncio.sleep(REST)
            result = await bench(row, daemon, desktops[1], "screen", spawn=spawn)
            await watching
            return {"pss_mib_of_one_more_session": result["pss_mib_of_session"]}
        return await bench(row, daemon, first, row.command, *row.options, spawn=spawn)


def summary(row: Row, result: dict[str, Any]) -> str:
    """Return the figures of a row."""
    if row.command == "screen":
        lines = result.get("different_bottom_lines_per_s", "-")
        exact = result.get("likeness", {}).get("exact_share", "-")
        return (
            f"{result['drawn_fps']} frames/s ({lines} new lines/s), "
            f"{result['bytes_to_client'] / 1e6:.1f} MB, {result['daemon_cpu_s']} CPU s, "
            f"server {result['server_cpu_s']} CPU s, exact at rest {exact} "
            f"after {result.get('exact_after_s', '-')} s"
        )
    if row.command == "typing":
        return f"{result['seen']} of {result['keys']} keys, ms: {result['key_to_pixels_ms']}"
    if row.command == "join":
        return f"owner {result['owner_ms']}, second viewer {result['joined_ms']}"
    return json.dumps({name: value for name, value in result.items() if name != "protocol"})


async def run(arguments: argparse.Namespace) -> None:
    """Measure all rows, one after the other."""
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        file.write(guacbench.tui_frames(TUI_FRAMES, 100, 40))
        file.flush()
        tui = Path(file.name)
        for name in arguments.names:
            daemon = Daemon(arguments.guacr, FREERDP3 if arguments.freerdp3 else None)
            try:
                result = await measure(ROWS[name], daemon, tui, dict(arguments.parameter))
            finally:
                daemon.close()
            print(
                json.dumps(result) if arguments.json else f"{name}: {summary(ROWS[name], result)}"
            )
            sys.stdout.flush()


def main() -> None:
    """Print a row for each name."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    default = str(Path(sys.executable).with_name("guacr"))
    parser.add_argument("names", nargs="+", choices=sorted(ROWS), metavar="NAME")
    parser.add_argument("--guacr", default=default, help="the daemon's command")
    parser.add_argument("--freerdp3", action="store_true", help="use FreeRDP 3, if unpacked")
    parser.add_argument(
        "-p", "--parameter", type=guacbench.key_value, action="append", default=[],
        metavar="KEY=VALUE", help="a parameter of the connection",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print all figures")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
