"""Several processes: connects during reloads, idle sessions, and busy terminals.

Clients, and the daemon's processes, share the machine. The protocols are entry points of a
temporary distribution, since workers load what is installed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.idle import PATIENCE, Client
from benchmarks.table import print_table
from guacr.protocol.instruction import encode
from guacr.protocol.parser import InstructionParser
from guacr.settings.models import Settings
from guacr.workers import generation
from guacr.workers.front import Front

CONNECTS, RELOADS, PARALLEL = 5000, 5, 8
SESSIONS = 10_000
SETTLE, SECONDS = 12.0, 20.0
TERMINALS = 10
DEATHS = 4
ENTRY_POINTS = """\
[guacr.handlers]
blank = benchmarks.daemon_process:BlankHandler
busy = benchmarks.busy_terminal:BusyHandler
"""
_ROOT = Path(__file__).parents[1]
_TICKS = os.sysconf("SC_CLK_TCK")


class Processes:
    """A daemon with all its processes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.pid = process.pid
        self.reloads = 0
        self.port = 0
        self._process = process
        self._ready = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        assert self._ready.wait(PATIENCE), "the daemon does not start"

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if match := re.search(r"listening on 127.0.0.1:(\d+)", line):
                self.port = int(match[1])
                self._ready.set()
            self.reloads += "settings were reloaded" in line
            if " ERROR: " in line or " WARNING: " in line:
                sys.stderr.write(line)

    def reload(self) -> None:
        """Start new workers."""
        os.kill(self.pid, signal.SIGHUP)

    def all(self) -> list[int]:
        """Return the ids of all processes."""
        found, at = [self.pid], 0
        while at < len(found):
            tasks = Path(f"/proc/{found[at]}/task")
            for task in tasks.iterdir():
                found += map(int, (task / "children").read_text().split())
            at += 1
        return found

    def cpu_time(self) -> float:
        """Seconds of the processor that the present processes have used."""
        return sum(sum(self._times(pid)) for pid in self.all()) / _TICKS

    def _times(self, pid: int) -> list[int]:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return [int(field) for field in fields[11:13]]

    def memory(self) -> float:
        """MiB of all processes; what several share counts once."""
        texts = (Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.all())
        found = (re.search(r"^Pss: +(\d+) kB", text, re.MULTILINE) for text in texts)
        return sum(int(match[1]) for match in found if match) / 1024


@contextmanager
def daemon(workers: int) -> Iterator[Processes]:
    """Run a daemon until the block ends."""
    with tempfile.TemporaryDirectory() as directory:
        distribution = Path(directory) / "benchmark_handlers-1.dist-info"
        distribution.mkdir()
        (distribution / "METADATA").write_text("Name: benchmark-handlers\nVersion: 1\n")
        (distribution / "entry_points.txt").write_text(ENTRY_POINTS)
        settings = {
            "SERVER__HOSTS": "127.0.0.1",
            "SERVER__PORT": "0",
            "SERVER__PROTOCOLS": "blank,busy",
            "SERVER__MAX_CONNECTIONS": "20000",
            "SERVER__MAX_WAITING": "20000",
            "WEBSOCKET__ENABLED": "false",
            "DAEMON__WORKERS": str(workers),
        }
        environment = {f"GUACR_{name}": value for name, value in settings.items()}
        path = os.pathsep.join([directory, str(_ROOT)])
        process = subprocess.Popen(
            [sys.executable, "-m", "guacr", "serve", "-f"],
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | environment | {"PYTHONPATH": path},
        )
        try:
            yield Processes(process)
        finally:
            process.terminate()
            process.wait()


# ---- connects


async def connect(port: int) -> float:
    """Open and close a session; return the milliseconds until `ready`."""
    begun = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    parser, seconds = InstructionParser(), 0.0
    writer.write(encode("select", "blank"))
    while not seconds:
        data = await reader.read(65536)
        if not data:
            raise ConnectionResetError
        for instruction in parser.feed(data):
            if instruction.opcode == "args":
                values = [""] * (len(instruction.args) - 1)
                writer.write(encode("size", 640, 480, 96) + encode("image", "image/png"))
                writer.write(encode("connect", instruction.args[0], *values))
            elif instruction.opcode == "ready":
                seconds = time.perf_counter() - begun
            elif instruction.opcode == "error":
                raise ConnectionRefusedError(instruction.args[0])
    writer.write(encode("disconnect"))
    writer.close()
    return seconds * 1000


async def storm(processes: Processes, connects: int, reloads: int) -> list[object]:
    """The row of connects during reloads."""
    times: list[float] = []
    lost: list[str] = []
    left = connects

    async def client() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            try:
                async with asyncio.timeout(PATIENCE):
                    times.append(await connect(processes.port))
            except (OSError, TimeoutError) as error:
                lost.append(repr(error))

    async def reloading() -> None:
        for number in range(reloads):
            while left > connects * (reloads - number) / (reloads + 1):  # noqa: ASYNC110 - a thread
                await asyncio.sleep(0.01)
            processes.reload()
            while processes.reloads <= number:  # noqa: ASYNC110 - counts them
                await asyncio.sleep(0.01)

    begun = time.perf_counter()
    await asyncio.gather(reloading(), *(client() for _ in range(PARALLEL)))
    seconds = time.perf_counter() - begun
    if lost:
        print(lost[:5])
    ordered = sorted(times)
    median, worst = statistics.median(ordered), ordered[-1]
    return [f"{connects}, {processes.reloads}", len(lost), connects / seconds, median, worst]


# ---- idle sessions


async def idle(processes: Processes, count: int) -> list[object]:
    """The row of idle sessions."""
    gate, loop = asyncio.Semaphore(PARALLEL), asyncio.get_running_loop()

    async def one() -> Client:
        async with gate, asyncio.timeout(PATIENCE):
            _, client = await loop.create_connection(
                lambda: Client("blank", {}), "127.0.0.1", processes.port
            )
            await client.drawn
            return client

    before = processes.memory()
    clients = await asyncio.gather(*(one() for _ in range(count)))
    await asyncio.sleep(SETTLE)
    memory, used, begun = processes.memory(), processes.cpu_time(), loop.time()
    await asyncio.sleep(SECONDS)
    percent = 100 * (processes.cpu_time() - used) / (loop.time() - begun)
    lost = sum(client.lost for client in clients)
    for client in clients:
        client.transport.close()
    return [count, lost, before, memory, percent]


# ---- busy terminals


class Watcher(Client):
    """A client that counts frames."""

    frames = 0

    def data_received(self, data: bytes) -> None:
        """Answer each frame."""
        for instruction in self._parser.feed(data):
            if instruction.opcode == "sync":
                self.frames += 1
                self.transport.write(encode("sync", instruction.args[0]))
                if not self.drawn.done():
                    self.drawn.set_result(None)
            else:
                self._take(instruction)


async def busy(processes: Processes, name: str) -> list[object]:
    """The row of busy terminals."""
    loop, clients = asyncio.get_running_loop(), list[Watcher]()
    for _ in range(TERMINALS):
        _, client = await loop.create_connection(
            lambda: Watcher("busy", {}), "127.0.0.1", processes.port
        )
        await client.drawn
        clients.append(client)
    frames, used, begun = [one.frames for one in clients], processes.cpu_time(), loop.time()
    await asyncio.sleep(SECONDS)
    passed = loop.time() - begun
    rates = [(c.frames - n) / passed for c, n in zip(clients, frames, strict=True)]
    percent = 100 * (processes.cpu_time() - used) / passed
    for client in clients:
        client.transport.close()
    return [name, statistics.median(rates), min(rates), percent]


# ---- workers that die


async def replacement(workers: int = 2) -> list[object]:
    """The row of the times from the death of a worker until another one serves."""
    settings = Settings.model_validate(
        {
            "server": {"hosts": ["127.0.0.1"], "port": 0, "protocols": ["testcard"]},
            "websocket": {"enabled": False},
            "daemon": {"workers": workers},
            "log": {"level": "error"},
        }
    )
    generation.EARLY = 0.0  # otherwise there would be pauses
    front, times = Front(settings), list[float]()
    await front.start()
    for _ in range(DEATHS):
        before = set(front._workers)
        begun = time.perf_counter()
        os.kill(front._workers[min(before)].pid, signal.SIGKILL)
        while not set(front._workers) - before:  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0.001)
        times.append((time.perf_counter() - begun) * 1000)
    await front.close()
    return [DEATHS, statistics.median(times), max(times)]


def main(arguments: list[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers")
    parser.add_argument("--connects", type=int, default=CONNECTS)
    parser.add_argument("--reloads", type=int, default=RELOADS)
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    options = parser.parse_args(arguments or [])
    if options.connects:
        with daemon(2) as processes:
            rows = [asyncio.run(storm(processes, options.connects, options.reloads))]
        columns = ["connects, reloads", "lost", "per second", "median, ms", "worst, ms"]
        print_table("Two workers: connects while settings are reloaded", columns, rows)
    if options.sessions:
        with daemon(2) as processes:
            rows = [asyncio.run(idle(processes, options.sessions))]
        columns = ["idle sessions", "lost", "MiB before", "MiB", "% of a core"]
        print_table("Two workers: idle sessions", columns, rows)
    print_table(
        "Workers that die",
        ["deaths", "until another serves, median, ms", "most, ms"],
        [asyncio.run(replacement())],
    )
    rows = []
    for workers in (1, 2, 2, 1):
        with daemon(workers) as processes:
            rows.append(asyncio.run(busy(processes, f"{workers}")))
    columns = ["workers", "frames/s, median", "least", "% of a core"]
    print_table(f"{TERMINALS} terminals with 30 screens per second each", columns, rows)


if __name__ == "__main__":
    main(sys.argv[1:])
