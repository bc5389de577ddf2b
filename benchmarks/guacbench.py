#!/usr/bin/env python3
"""guacbench - measure any guacd-compatible daemon over its TCP protocol.

The client behaves as guacamole-client does towards guacd: the select/args/.../connect handshake,
`sync` answered by the same timestamp, every blob of an image, clipboard or pipe stream acknowledged
with `ack,<stream>,OK,0`, and a `nop` every five seconds.  Standard library only, Python 3.11+.

Every sub-command prints one JSON object.  Times are seconds unless the key says `_ms`.

A *drawing instruction* is one that paints a visible layer (index >= 0): cfill, copy,
cstroke, img, jpeg, lfill, lstroke, png, transfer.  A *drawn frame* is a `sync` with at least one
drawing instruction since the previous `sync`.

`screen`, `typing`, `join`, `viewers`, `fleet` and `resize` measure remote desktops (VNC, RDP).  With
`--paint` or `--truth` what was received is kept, and painted after the measuring, so that painting
costs the measured time nothing; that needs numpy and Pillow (layer 0 and buffers only).  The truth
is what `xwd` says of the X display.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import collections
import contextlib
import itertools
import json
import os
import random
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

Json = dict[str, Any]

HIGHEST_VERSION = (1, 5, 0)
KEEP_ALIVE_S = 5.0
KEY_ENTER, KEY_BACKSPACE = 0xFF0D, 0xFF08
# opcode -> index of the argument naming the layer that is painted
PAINTED_LAYER_ARG = {
    b"cfill": 1, b"cstroke": 1, b"copy": 6, b"img": 2, b"jpeg": 1, b"lfill": 1,
    b"lstroke": 1, b"png": 1, b"transfer": 6,
}  # fmt: skip
ACKED_STREAMS = {b"img", b"clipboard", b"pipe"}


# ------------------------------------------------------------------------------------------------
# Guacamole protocol
# ------------------------------------------------------------------------------------------------


class ProtocolError(Exception):
    """The daemon sent something that is not a Guacamole instruction."""


def encode(*elements: str | int) -> bytes:
    """One instruction; element lengths count Unicode code points."""
    parts = (str(element) for element in elements)
    return (",".join(f"{len(part)}.{part}" for part in parts) + ";").encode()


class Parser:
    """Incremental instruction parser; elements stay bytes."""

    def __init__(self) -> None:
        self._buffer = b""
        self._position = 0  # start of the element that is read next
        self._elements: list[bytes] = []

    def feed(self, data: bytes) -> Iterator[list[bytes]]:
        buffer = self._buffer[self._position :] + data if self._buffer else data
        position, size, elements = 0, len(buffer), self._elements
        while True:
            dot = buffer.find(b".", position, position + 12)
            if dot < 0:
                if size - position >= 12:
                    raise ProtocolError(f"bad element length {buffer[position : position + 12]!r}")
                break
            try:
                length = int(buffer[position:dot])
            except ValueError:
                raise ProtocolError(f"bad element length {buffer[position:dot]!r}") from None
            end = dot + 1 + length
            if end >= size:
                break
            value = buffer[dot + 1 : end]
            if not value.isascii():
                end = self._end_of_code_points(buffer, dot + 1, length)
                if end >= size:
                    break
                value = buffer[dot + 1 : end]
            terminator = buffer[end]
            elements.append(value)
            position = end + 1
            if terminator == 0x3B:  # ;
                yield elements
                elements = []
            elif terminator != 0x2C:  # ,
                raise ProtocolError(f"bad terminator after {value[:40]!r}")
        self._buffer, self._position, self._elements = buffer, position, elements

    @staticmethod
    def _end_of_code_points(buffer: bytes, start: int, count: int) -> int:
        position, size = start, len(buffer)
        while count and position < size:
            lead = buffer[position]
            position += 1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            count -= 1
        return position if not count else size


@dataclass(slots=True)
class Target:
    """The target of a connection, and the answers in its handshake."""

    host: str
    port: int
    protocol: str
    parameters: dict[str, str]
    width: int = 1024
    height: int = 768
    dpi: int = 96
    images: tuple[str, ...] = ("image/jpeg", "image/png", "image/webp")
    record_server: Path | None = None
    record_client: Path | None = None
    record_limit: int = 300_000


@dataclass(slots=True)
class Counters:
    """The bytes that the daemon has sent so far."""

    bytes_in: int = 0
    bytes_out: int = 0
    syncs: int = 0
    drawn_frames: int = 0
    opcodes: collections.Counter[str] = field(default_factory=collections.Counter)
    image_types: collections.Counter[str] = field(default_factory=collections.Counter)
    image_bytes: list[int] = field(default_factory=list)
    image_pixels: list[int] = field(default_factory=list)  # PNG only

    def report(self, seconds: float) -> Json:
        result: Json = {
            "bytes_to_client": self.bytes_in,
            "bytes_from_client": self.bytes_out,
            "syncs": self.syncs,
            "drawn_frames": self.drawn_frames,
            "drawn_fps": round(self.drawn_frames / seconds, 2) if seconds else None,
            "opcodes": dict(self.opcodes.most_common()),
        }
        if self.image_bytes:
            result["images"] = {
                "types": dict(self.image_types),
                "total_bytes": sum(self.image_bytes),
                "bytes": spread(self.image_bytes),
                "png_pixels": spread(self.image_pixels),
            }
        return result


class Recorder:
    """Keeps the first `limit` bytes of one direction."""

    def __init__(self, path: Path | None, limit: int) -> None:
        self._file: BinaryIO | None = path.open("wb") if path else None
        self._left = limit

    def write(self, data: bytes) -> None:
        if self._file and self._left > 0:
            self._file.write(data[: self._left])
            self._left -= len(data)

    def close(self) -> None:
        if self._file:
            self._file.close()


class Client(asyncio.Protocol):
    """One connection to a daemon, handshake included."""

    def __init__(self, target: Target) -> None:
        loop = asyncio.get_running_loop()
        self.target = target
        self.counters = Counters()
        self.started = time.perf_counter()
        self.times: dict[str, float] = {}  # milestones, seconds since `started`
        self.last_drawn_at = 0.0
        self.errors: list[Json] = []
        self.log: list[Json] | None = None  # non-drawing instructions, if wanted
        self.kept: list[tuple[float, bytes]] | None = None  # what arrived and when, if wanted
        self.args: list[str] = []
        self.connection_id = ""
        self.ready: asyncio.Future[None] = loop.create_future()
        self.drawn: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self.ready.add_done_callback(lambda future: future.cancelled() or future.exception())
        self._transport: asyncio.Transport | None = None
        self._parser = Parser()
        self._painted = False
        self._streams: dict[bytes, list[Any]] = {}  # index -> [opcode, mimetype, encoded bytes]
        self._frame_waiter: asyncio.Future[float] | None = None
        self._keep_alive: asyncio.TimerHandle | None = None
        self._from_server = Recorder(target.record_server, target.record_limit)
        self._from_client = Recorder(target.record_client, target.record_limit)

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.times["tcp"] = time.perf_counter() - self.started
        self.send(encode("select", self.target.protocol))

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self.counters.bytes_in += len(data)
        self._from_server.write(data)
        if self.kept is not None:
            self.kept.append((now, data))
        replies: list[bytes] = []
        try:
            for instruction in self._parser.feed(data):
                self._handle(instruction, now, replies)
        except ProtocolError as error:
            self.errors.append({"protocol_error": str(error), "at": self._since(now)})
            self.close()
        if replies:
            self.send(b"".join(replies))

    def connection_lost(self, exc: Exception | None) -> None:
        self.times["closed"] = time.perf_counter() - self.started
        if self._keep_alive:
            self._keep_alive.cancel()
        self._from_server.close()
        self._from_client.close()
        lost = ConnectionError(f"daemon closed the connection: {self.errors or exc}")
        for future in (self.ready, self.drawn, self._frame_waiter):
            if future and not future.done():
                future.set_exception(lost)
                future.exception()
        if not self.closed.done():
            self.closed.set_result(None)

    # ---- sending

    def send(self, data: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self.counters.bytes_out += len(data)
            self._from_client.write(data)
            self._transport.write(data)

    def key(self, keysym: int) -> None:
        self.send(encode("key", keysym, 1) + encode("key", keysym, 0))

    def type(self, text: str) -> None:
        for character in text:
            self.key(KEY_ENTER if character == "\n" else ord(character))

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    # ---- waiting

    def next_drawn_frame(self) -> asyncio.Future[float]:
        """Completes with the arrival time of the next `sync` that follows new drawing."""
        self._painted = False
        self._frame_waiter = asyncio.get_running_loop().create_future()
        return self._frame_waiter

    async def quiet(self, seconds: float, limit: float = 60.0) -> None:
        """Wait until nothing has been drawn for `seconds`."""
        give_up = time.perf_counter() + limit
        while (now := time.perf_counter()) < give_up and not self.closed.done():
            remaining = seconds - (now - max(self.last_drawn_at, self.started))
            if remaining <= 0:
                return
            await asyncio.sleep(remaining)

    # ---- receiving

    def _since(self, now: float) -> float:
        return round(now - self.started, 6)

    def _milestone(self, name: str, now: float) -> None:
        self.times.setdefault(name, now - self.started)

    def _handle(self, instruction: list[bytes], now: float, replies: list[bytes]) -> None:
        opcode = instruction[0]
        self.counters.opcodes[opcode.decode()] += 1
        layer_argument = PAINTED_LAYER_ARG.get(opcode)
        if layer_argument is not None and not instruction[layer_argument + 1].startswith(b"-"):
            self._painted = True
        match opcode:
            case b"sync":
                replies.append(encode("sync", instruction[1].decode()))
                self._on_sync(now)
            case b"blob":
                stream = self._streams.get(instruction[1])
                if stream:
                    if not stream[2] and stream[1] == b"image/png":
                        self._measure_png(instruction[2])
                    stream[2] += len(instruction[2]) * 3 // 4 - instruction[2].count(b"=")
                    if stream[0] in ACKED_STREAMS:
                        replies.append(encode("ack", instruction[1].decode(), "OK", 0))
            case b"end":
                stream = self._streams.pop(instruction[1], None)
                if stream and stream[0] == b"img":
                    self.counters.image_types[stream[1].decode()] += 1
                    self.counters.image_bytes.append(stream[2])
            case b"img":
                self._streams[instruction[1]] = [opcode, instruction[4], 0]
            case b"clipboard" | b"pipe" | b"file" | b"audio" | b"argv":
                self._streams[instruction[1]] = [opcode, instruction[2], 0]
            case b"args":
                self._on_args([element.decode() for element in instruction[1:]], now, replies)
            case b"ready":
                self.connection_id = instruction[1].decode()
                self._milestone("ready", now)
                if not self.ready.done():
                    self.ready.set_result(None)
                self._schedule_keep_alive()
            case b"error":
                message, code = instruction[1].decode(), int(instruction[2])
                self.errors.append({"message": message, "code": code, "at": self._since(now)})
            case b"disconnect":
                self._milestone("disconnect", now)
        if self.log is not None and opcode not in (b"blob", b"ack") and layer_argument is None:
            text = [element.decode(errors="replace")[:120] for element in instruction]
            self.log.append({"at": self._since(now), "instruction": text})

    def _on_sync(self, now: float) -> None:
        self.counters.syncs += 1
        self._milestone("first_sync", now)
        if not self._painted:
            return
        self._painted = False
        self.counters.drawn_frames += 1
        self.last_drawn_at = now
        self._milestone("first_drawn_frame", now)
        if not self.drawn.done():
            self.drawn.set_result(None)
        if self._frame_waiter and not self._frame_waiter.done():
            self._frame_waiter.set_result(now)

    def _measure_png(self, encoded: bytes) -> None:
        header = base64.b64decode(encoded[:32])
        if header[:4] == b"\x89PNG":
            width, height = struct.unpack_from(">II", header, 16)
            self.counters.image_pixels.append(width * height)

    def _on_args(self, names: list[str], now: float, replies: list[bytes]) -> None:
        self._milestone("args", now)
        self.args = names
        target, version = self.target, (1, 0, 0)
        values: list[str] = []
        if names and names[0].startswith("VERSION_"):
            offered = tuple(int(part) for part in names[0].removeprefix("VERSION_").split("_"))
            version = min(offered, HIGHEST_VERSION)  # type: ignore[assignment]
            values.append("VERSION_" + "_".join(map(str, version)))
            names = names[1:]
        if unknown := set(target.parameters) - set(names):
            print(f"guacbench: not offered by the daemon: {sorted(unknown)}", file=sys.stderr)
        values += [target.parameters.get(name, "") for name in names]
        replies.append(encode("size", target.width, target.height, target.dpi))
        replies.append(encode("audio", "audio/L8", "audio/L16"))
        replies.append(encode("video"))
        replies.append(encode("image", *target.images))
        if version >= (1, 1, 0):
            replies.append(encode("timezone", "Etc/UTC"))
        if version >= (1, 3, 0):
            replies.append(encode("name", "guacbench"))
        replies.append(encode("connect", *values))

    def _schedule_keep_alive(self) -> None:
        def beat() -> None:
            self.send(encode("nop"))
            self._schedule_keep_alive()

        self._keep_alive = asyncio.get_running_loop().call_later(KEEP_ALIVE_S, beat)


async def open_client(target: Target, log: bool = False, keep: bool = False) -> Client:
    """Connect and start the handshake."""
    client = Client(target)
    if log:
        client.log = []
    if keep:
        client.kept = []
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: client, target.host, target.port)
    return client


@contextlib.asynccontextmanager
async def session(
    target: Target, timeout: float = 30.0, keep: bool = False
) -> AsyncIterator[Client]:
    """A connection that has drawn its first frame."""
    client = await open_client(target, keep=keep)
    try:
        async with asyncio.timeout(timeout):
            await client.drawn
        yield client
    finally:
        client.send(encode("disconnect"))
        client.close()
        await client.closed


# ------------------------------------------------------------------------------------------------
# The daemon's process tree
# ------------------------------------------------------------------------------------------------

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class ProcessTree:
    """CPU and memory of a root process and all its descendants (zero everywhere if pid is None)."""

    def __init__(self, root: int | None) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._seen: dict[tuple[int, bytes], float] = {}  # (pid, start) -> own CPU when last seen

    def _stats(self) -> dict[int, list[bytes]]:
        """Pid -> fields of /proc/pid/stat after the command, for the tree."""
        if self.root is None:
            return {}
        fields: dict[int, list[bytes]] = {}
        children: dict[int, list[int]] = collections.defaultdict(list)
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                with contextlib.suppress(OSError):
                    raw = Path("/proc", entry, "stat").read_bytes()
                    pid, rest = int(entry), raw[raw.rindex(b")") + 2 :].split()
                    fields[pid] = rest
                    children[int(rest[1])].append(pid)
        tree, queue = {}, [self.root]
        while queue:
            pid = queue.pop()
            if pid in fields:
                tree[pid] = fields[pid]
                queue += children[pid]
        return tree

    @staticmethod
    def _own_cpu(pid: int) -> float:
        """A process's own CPU time, all threads, from its CPU clock (clock_getcpuclockid(3))."""
        return time.clock_gettime((~pid << 3) | 2)

    def cpu(self) -> float:
        """CPU seconds so far, ended children included.

        A daemon that waits for its children has their time in its own statistics.  One that
        ignores SIGCHLD, as guacd does, has not: for it, what was last seen of them is counted.
        """
        reaped = live = 0.0
        with self._lock:
            for pid, stat in self._stats().items():
                with contextlib.suppress(OSError):
                    own = self._own_cpu(pid)
                    self._seen[pid, stat[19]] = own
                    live += own
                    reaped += (int(stat[13]) + int(stat[14])) / TICK
            return max(live + reaped, sum(self._seen.values()))

    def memory(self) -> Json:
        """Resident and proportional set sizes in MiB, and process and thread counts."""
        stats = self._stats()
        rss = sum(int(stat[21]) for stat in stats.values()) * PAGE
        pss = anonymous = 0
        for pid in stats:
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    name, _, value = line.partition(":")
                    if name == "Pss":
                        pss += int(value.split()[0])
                    elif name == "Pss_Anon":
                        anonymous += int(value.split()[0])
        return {
            "rss_mib": round(rss / 2**20, 2),
            "pss_mib": round(pss / 1024, 2),
            "pss_anon_mib": round(anonymous / 1024, 2),
            "processes": len(stats),
            "threads": sum(int(stat[17]) for stat in stats.values()),
        }

    def rss(self) -> int:
        return sum(int(stat[21]) for stat in self._stats().values()) * PAGE


class Meter:
    """CPU used and peak total RSS of a process tree between start and stop."""

    def __init__(self, tree: ProcessTree, interval: float = 0.1) -> None:
        self._tree, self._interval = tree, interval
        self._stop = threading.Event()
        self._peak = 0
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._cpu = 0.0

    def _sample(self) -> None:
        while True:
            self._peak = max(self._peak, self._tree.rss())
            self._tree.cpu()
            if self._stop.wait(self._interval):
                return

    def __enter__(self) -> Meter:
        if self._tree.root is not None:
            self._cpu = self._tree.cpu()
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def report(self) -> Json:
        if self._tree.root is None:
            return {}
        self._stop.set()
        self._thread.join()
        return {
            "daemon_cpu_s": round(self._tree.cpu() - self._cpu, 3),
            "daemon_peak_rss_mib": round(self._peak / 2**20, 1),
        }


# ------------------------------------------------------------------------------------------------
# Statistics
# ------------------------------------------------------------------------------------------------


def percentile(values: list[float], percent: float) -> float:
    """Linear interpolation between closest ranks; values need not be sorted."""
    ordered = sorted(values)
    rank = (len(ordered) - 1) * percent / 100
    low = int(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def spread(values: Iterable[float]) -> Json:
    numbers = list(values)
    if not numbers:
        return {"n": 0}
    result: Json = {"n": len(numbers), "min": min(numbers), "median": statistics.median(numbers)}
    for percent in (95, 99):
        result[f"p{percent}"] = percentile(numbers, percent)
    result["max"] = max(numbers)
    return {key: round(value, 3) for key, value in result.items()}


def spread_ms(seconds: Iterable[float]) -> Json:
    return spread(value * 1000 for value in seconds)


# ------------------------------------------------------------------------------------------------
# connect
# ------------------------------------------------------------------------------------------------


async def run_connect(options: argparse.Namespace, target: Target, tree: ProcessTree) -> Json:
    milestones: dict[str, list[float]] = collections.defaultdict(list)
    failures: list[str] = []
    with Meter(tree) as meter:
        for _ in range(options.repeat):
            try:
                async with session(target) as client:
                    for name, seconds in client.times.items():
                        milestones[name].append(seconds)
                    tree.cpu()  # guacd's child ends with the session
            except (TimeoutError, OSError) as error:
                failures.append(repr(error))
            await asyncio.sleep(options.pause)
    return {
        "repeat": options.repeat,
        "failures": failures,
        "since_tcp_connect_ms": {name: spread_ms(values) for name, values in milestones.items()},
        **meter.report(),
    }


# ------------------------------------------------------------------------------------------------
# latency
# ------------------------------------------------------------------------------------------------


async def run_latency(options: argparse.Namespace, target: Target, tree: ProcessTree) -> Json:
    latencies: list[float] = []
    lost = 0
    async with session(target) as client:
        await client.quiet(options.settle)
        letters = itertools.cycle("etaoinshrdlucmfwypvbgkjqxz")
        client.counters = Counters()
        with Meter(tree) as meter:
            started = due = time.perf_counter()
            for index in range(options.keys):
                # a letter, then a backspace: the prompt's line stays short
                keysym = KEY_BACKSPACE if index % 2 else ord(next(letters))
                frame = client.next_drawn_frame()
                pressed = time.perf_counter()
                client.key(keysym)
                try:
                    latencies.append(await asyncio.wait_for(frame, 2.0) - pressed)
                except TimeoutError:
                    lost += 1
                # uneven pacing, so that no daemon's own frame clock falls into step with it
                due = max(due + random.uniform(0.5, 1.5) / options.rate, time.perf_counter())
                await asyncio.sleep(due - time.perf_counter())
            elapsed = time.perf_counter() - started
        report = meter.report()
        counters = client.counters.report(elapsed)
    return {
        "keys": options.keys,
        "lost": lost,
        "achieved_rate": round(options.keys / elapsed, 2),
        "latency_ms": spread_ms(latencies),
        **counters,
        **report,
    }


# ------------------------------------------------------------------------------------------------
# flood
# ------------------------------------------------------------------------------------------------


def coloured_listing(size: int) -> bytes:
    """Something like `ls -lR --color=always`, deterministic, `size` bytes."""
    rng = random.Random(7)
    kinds = (("01;34", "/"), ("01;32", "*"), ("00", ""), ("01;31", ".tar.gz"), ("01;36", "@"))
    out = bytearray()
    folder = 0
    while len(out) < size:
        folder += 1
        out += f"\r\n./src/package-{folder:05d}/module:\r\ntotal {rng.randrange(9999)}\r\n".encode()
        for _ in range(rng.randrange(5, 40)):
            colour, suffix = rng.choice(kinds)
            name = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz_-", k=rng.randrange(4, 28)))
            out += (
                f"-rw-r--r-- {rng.randrange(1, 9)} demo demo {rng.randrange(10**7):>8} Nov "
                f"{rng.randrange(1, 31):2} {rng.randrange(24):02}:{rng.randrange(60):02} "
                f"\x1b[0m\x1b[{colour}m{name}{suffix}\x1b[0m\r\n"
            ).encode()
    return bytes(out[:size])


def tui_frames(frames: int, columns: int, rows: int) -> bytes:
    """Full-screen redraws as a system monitor would do them: addressed rows, bars, some change."""
    rng = random.Random(11)
    out = bytearray(b"\x1b[?1049h\x1b[?25l\x1b[2J")
    table = [
        (rng.randrange(1, 99999), "".join(rng.choices("abcdefghijklmnop-/", k=columns)))
        for _ in range(rows)
    ]
    for frame in range(frames):
        title = f" frame {frame:6d}  load {rng.random() * 4:4.2f} {rng.random() * 4:4.2f}"
        out += f"\x1b[1;1H\x1b[1;37;44m{title:<{columns}.{columns}}\x1b[0m".encode()
        for row in range(2, 6):
            filled = rng.randrange(columns - 12)
            bar = "|" * filled + " " * (columns - 12 - filled)
            cut = filled // 2
            out += (
                f"\x1b[{row};1H\x1b[36mcpu{row - 2:2d} \x1b[1m[\x1b[32m{bar[:cut]}\x1b[31m"
                f"{bar[cut:]}\x1b[0m]\x1b[K"
            ).encode()
        for row in range(6, rows):
            pid, command = table[(row + frame // 10) % rows]
            style = "\x1b[7m" if row == 6 + frame % (rows - 6) else ""
            text = (
                f"{pid:6d} demo      20   0 {rng.randrange(9**7):9d} {rng.random() * 99:5.1f} "
                f"\x1b[32m{command}"
            )
            out += f"\x1b[{row};1H{style}{text[: columns + 5]}\x1b[0m\x1b[K".encode()
        out += f"\x1b[{rows};1H\x1b[30;46m F1Help F2Setup F10Quit \x1b[0m\x1b[K".encode()
    return bytes(out + b"\x1b[?25h\x1b[?1049l")


def workload(options: argparse.Namespace) -> tuple[str, int]:
    """The shell command of a flood, and how many bytes it writes to the terminal."""
    folder: Path = options.data
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)

    def prepared(name: str, make: Callable[[], bytes]) -> tuple[Path, int]:
        path = folder / name
        if not path.exists():
            path.write_bytes(make())
        return path, path.stat().st_size

    match options.kind:
        case "seq":
            last = options.count
            digits = sum(max(0, last - 10**power + 1) for power in range(len(str(last))))
            return f"seq 1 {last}", digits + 2 * last  # the terminal gets CR LF
        case "colour":
            size = options.megabytes * 10**6
            path, size = prepared(f"colour-{size}.txt", lambda: coloured_listing(size))
            return f"cat {path}", size + path.read_bytes().count(b"\n")
        case "tui":
            name = f"tui-{options.frames}-{options.columns}x{options.rows}.bin"
            path, size = prepared(
                name, lambda: tui_frames(options.frames, options.columns, options.rows)
            )
            return f"cat {path}", size
        case "paced":
            name = f"tui-600-{options.columns}x{options.rows}.bin"
            path, size = prepared(name, lambda: tui_frames(600, options.columns, options.rows))
            frames = int(options.fps * options.seconds)
            play = f"{options.python} {Path(__file__).resolve()} play {path}"
            return f"{play} --fps {options.fps} --frames {frames}", int(size / 600 * frames)
        case _:
            return options.command, 0


@contextlib.asynccontextmanager
async def beacon() -> AsyncIterator[tuple[int, asyncio.Future[float]]]:
    """A loopback port, and a future that gets the time at which something connects to it."""
    touched: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def on_connect(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not touched.done():
            touched.set_result(time.perf_counter())
        writer.close()

    server = await asyncio.start_server(on_connect, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], touched


async def run_flood(options: argparse.Namespace, target: Target, tree: ProcessTree) -> Json:
    command, output_bytes = workload(options)
    async with session(target) as client, beacon() as (port, touched):
        await client.quiet(options.settle)
        client.type(f"{command}; : >/dev/tcp/127.0.0.1/{port}")
        await client.quiet(options.settle)
        client.counters = Counters()
        with Meter(tree) as meter:
            entered = time.perf_counter()
            client.key(KEY_ENTER)
            interrupted = None
            if options.interrupt:
                await asyncio.sleep(options.interrupt)
                interrupted = time.perf_counter()
                client.send(encode("key", 0xFFE3, 1))  # Control
                client.key(ord("c"))
                client.send(encode("key", 0xFFE3, 0))
                # Ctrl-C ends the whole command line: the next one lights the beacon
                client.type(f": >/dev/tcp/127.0.0.1/{port}\n")
            finished = await asyncio.wait_for(touched, options.timeout) - entered
            await client.quiet(options.settle, limit=options.timeout)
            last_frame = client.last_drawn_at - entered
            counters = client.counters.report(last_frame)
            report = meter.report()
        exit_pressed = time.perf_counter()
        client.type("exit\n")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(client.closed), 30)
        closed_after = time.perf_counter() - exit_pressed
        disconnect = client.times.get("disconnect")
        disconnected = None if disconnect is None else client.started + disconnect - exit_pressed
    result: Json = {
        "command": command,
        "terminal_bytes": output_bytes,
        "command_finished_s": round(finished, 3),
        "last_frame_s": round(last_frame, 3),
        "mb_per_s": round(output_bytes / 1e6 / last_frame, 2),
        "exit_to_disconnect_s": None if disconnected is None else round(disconnected, 4),
        "exit_to_close_s": round(closed_after, 4),
        **counters,
        **report,
    }
    if interrupted is not None:
        result["interrupt_to_next_command_s"] = round(finished - (interrupted - entered), 4)
        result["interrupt_to_last_frame_s"] = round(last_frame - (interrupted - entered), 4)
    if report.get("daemon_cpu_s") and output_bytes:
        result["cpu_s_per_mb"] = round(report["daemon_cpu_s"] / (output_bytes / 1e6), 4)
    return result


def run_play(options: argparse.Namespace) -> None:
    """Write the frames of a `tui` file at a fixed rate (runs inside the remote session)."""
    data = options.file.read_bytes()
    head, *frames = data.split(b"\x1b[1;1H")
    out = sys.stdout.buffer
    out.write(head)
    started = time.perf_counter()
    for index in range(options.frames) if options.frames else itertools.count():
        out.write(b"\x1b[1;1H" + frames[index % (len(frames) - 1)])
        out.flush()
        time.sleep(max(0.0, started + (index + 1) / options.fps - time.perf_counter()))
    out.write(b"\x1b[?25h\x1b[?1049l")
    out.flush()


# ------------------------------------------------------------------------------------------------
# idle
# ------------------------------------------------------------------------------------------------


async def run_idle(options: argparse.Namespace, target: Target, tree: ProcessTree) -> Json:
    baseline = tree.memory()
    gate = asyncio.Semaphore(options.parallel)
    clients: list[Client] = []
    failures: list[str] = []

    async def connect() -> None:
        async with gate:
            try:
                client = await open_client(target)
            except OSError as error:
                failures.append(repr(error))
                return
            try:
                await asyncio.wait_for(client.drawn, options.connect_timeout)
                clients.append(client)
            except (TimeoutError, OSError) as error:
                failures.append(repr(error))
                client.close()

    started = time.perf_counter()
    await asyncio.gather(*(connect() for _ in range(options.connections)))
    opened = time.perf_counter() - started
    await asyncio.sleep(options.settle)
    before = sum(client.counters.bytes_in for client in clients)
    syncs = sum(client.counters.syncs for client in clients)
    cpu, own_cpu, watch_started = tree.cpu(), time.process_time(), time.perf_counter()
    await asyncio.sleep(options.seconds)
    watched = time.perf_counter() - watch_started
    cpu, own_cpu = tree.cpu() - cpu, time.process_time() - own_cpu
    syncs = sum(client.counters.syncs for client in clients) - syncs
    sent = sum(client.counters.bytes_in for client in clients) - before
    memory = tree.memory()
    alive = sum(not client.closed.done() for client in clients)
    closing = time.perf_counter()
    for client in clients:
        client.send(encode("disconnect"))
        client.close()
    await asyncio.gather(*(client.closed for client in clients))
    give_up = time.perf_counter() + 60
    while tree.memory()["processes"] > baseline["processes"] and time.perf_counter() < give_up:
        await asyncio.sleep(0.05)
    gone = time.perf_counter() - closing
    count = max(1, len(clients))
    return {
        "connections": options.connections,
        "open": len(clients),
        "still_open_at_end": alive,
        "failures": dict(collections.Counter(failures)),
        "all_open_s": round(opened, 3),
        "connect_rate_per_s": round(len(clients) / opened, 1),
        "idle_s": round(watched, 2),
        "daemon_cpu_s": round(cpu, 3),
        "daemon_cpu_percent_of_one_core": round(100 * cpu / watched, 2),
        "client_cpu_s": round(own_cpu, 2),
        "syncs_per_connection_per_s": round(syncs / count / watched, 3),
        "bytes_per_connection_per_s": round(sent / count / watched, 1),
        "baseline": baseline,
        "memory": memory,
        "pss_mib_per_connection": round((memory["pss_mib"] - baseline["pss_mib"]) / count, 3),
        "rss_mib_per_connection": round((memory["rss_mib"] - baseline["rss_mib"]) / count, 3),
        "all_gone_s": round(gone, 3),
        "memory_after": tree.memory(),
    }


def run_telnet_server(options: argparse.Namespace) -> None:
    """A plain TCP server for `idle`: sends a prompt, then echoes what it receives."""

    async def on_connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(b"\x1b[1;32mwelcome\x1b[0m to the test server\r\n$ ")
            while data := await reader.read(4096):
                writer.write(data)
        writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(on_connect, "127.0.0.1", options.listen, backlog=1024)
        async with server:
            await server.serve_forever()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())


# ------------------------------------------------------------------------------------------------
# vnc
# ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def spawned(command: str | None, display: str) -> Iterator[None]:
    """Run a shell command on an X display for as long as the block lasts."""
    if not command:
        yield
        return
    child = subprocess.Popen(
        ["/bin/sh", "-c", command],
        env={**os.environ, "DISPLAY": display},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
        child.wait()


async def run_vnc(options: argparse.Namespace, target: Target, tree: ProcessTree) -> Json:
    with spawned(options.spawn, options.display):
        await asyncio.sleep(1.0 if options.spawn else 0.0)
        async with session(target) as client:
            first = client.counters.report(client.times["first_drawn_frame"])
            await asyncio.sleep(options.settle)
            client.counters = Counters()
            gaps: list[float] = []
            with Meter(tree) as meter:
                started = last = time.perf_counter()
                while (left := started + options.seconds - time.perf_counter()) > 0:
                    try:
                        now = await asyncio.wait_for(client.next_drawn_frame(), left)
                    except TimeoutError:
                        break
                    gaps.append(now - last)
                    last = now
                elapsed = time.perf_counter() - started
                report = meter.report()
            counters = client.counters.report(elapsed)
    return {
        "spawn": options.spawn,
        "seconds": round(elapsed, 2),
        "first_frame": first,
        **counters,
        "frame_gap_ms": spread_ms(gaps),
        "mbit_per_s": round(counters["bytes_to_client"] * 8 / 1e6 / elapsed, 2),
        **report,
    }


# ------------------------------------------------------------------------------------------------
# Painting what was received (numpy and Pillow)
# ------------------------------------------------------------------------------------------------


class Painter:
    """Layer 0 and the buffers, from instructions; painted as they come, which `sync` makes visible."""

    def __init__(self) -> None:
        import numpy
        from PIL import Image

        self.np, self.image = numpy, Image
        self.layers: dict[int, Any] = {0: numpy.zeros((0, 0, 3), numpy.uint8)}
        self.rects: dict[int, list[tuple[int, int, int, int]]] = {}
        self.streams: dict[bytes, tuple[int, int, int, bytearray]] = {}
        self.skipped: collections.Counter[str] = collections.Counter()
        self.area = 0  # pixels painted on layer 0
        self.types: collections.Counter[str] = collections.Counter()  # area by kind of drawing
        self.dirty: list[tuple[int, int, int, int]] = []  # of layer 0, until somebody clears it
        self._parser = Parser()

    @property
    def picture(self) -> Any:
        return self.layers[0]

    def play(self, kept: list[tuple[float, bytes]]) -> Iterator[float]:
        """Paint; yields the time of arrival at every `sync`."""
        for at, data in kept:
            for instruction in self._parser.feed(data):
                if self.apply(instruction):
                    yield at

    def apply(self, instruction: list[bytes]) -> bool:
        opcode, args = instruction[0], instruction[1:]
        match opcode:
            case b"sync":
                return True
            case b"size":
                self._size(*map(int, args[:3]))
            case b"rect":
                layer, *rest = map(int, args)
                self.rects.setdefault(layer, []).append(tuple(rest))  # type: ignore[arg-type]
            case b"cfill":
                self._fill(*map(int, args))
            case b"copy" | b"transfer":
                self._copy(opcode == b"transfer", *map(int, args))
            case b"img":
                layer, x, y = int(args[2]), int(args[4]), int(args[5])
                self.streams[args[0]] = (layer, x, y, bytearray())
            case b"blob":
                if args[0] in self.streams:
                    self.streams[args[0]][3].extend(base64.b64decode(args[1]))
            case b"end":
                if args[0] in self.streams:
                    self._image(*self.streams.pop(args[0]))
            case b"dispose":
                self.layers.pop(int(args[0]), None)
            case b"cursor" | b"nop" | b"ack" | b"mouse" | b"ready" | b"args" | b"audio":
                pass
            case _:
                self.skipped[opcode.decode()] += 1
        return False

    def _size(self, layer: int, width: int, height: int) -> None:
        old = self.layers.get(layer)
        new = self.np.zeros((height, width, 3), self.np.uint8)
        if old is not None:
            part = old[:height, :width]
            new[: part.shape[0], : part.shape[1]] = part
        self.layers[layer] = new

    def _target(self, layer: int, width: int, height: int) -> Any:
        pixels = self.layers.get(layer)
        if pixels is None:
            pixels = self.np.zeros((0, 0, 3), self.np.uint8)
        if layer < 0 and (pixels.shape[0] < height or pixels.shape[1] < width):
            self.layers[layer] = pixels
            self._size(layer, max(width, pixels.shape[1]), max(height, pixels.shape[0]))
            pixels = self.layers[layer]
        self.layers[layer] = pixels
        return pixels

    def _painted(self, layer: int, kind: str, x: int, y: int, width: int, height: int) -> None:
        if layer == 0:
            self.area += width * height
            self.types[kind] += width * height
            self.dirty.append((x, y, width, height))

    def _fill(self, mask: int, layer: int, *colour: int) -> None:
        del mask
        for x, y, width, height in self.rects.pop(layer, []):
            pixels = self._target(layer, x + width, y + height)
            if colour[3] == 255:
                pixels[y : y + height, x : x + width] = colour[:3]
            else:
                self.skipped["cfill with alpha"] += 1
            self._painted(layer, "cfill", x, y, width, height)

    def _copy(self, transfer: bool, source: int, *rest: int) -> None:
        x, y, width, height, mask, layer, to_x, to_y = rest
        if transfer and mask != 0x3:
            self.skipped[f"transfer {mask:#x}"] += 1
        part = self.layers[source][y : y + height, x : x + width].copy()
        pixels = self._target(layer, to_x + width, to_y + height)
        part = part[: max(0, pixels.shape[0] - to_y), : max(0, pixels.shape[1] - to_x)]
        pixels[to_y : to_y + part.shape[0], to_x : to_x + part.shape[1]] = part
        self._painted(layer, "copy", to_x, to_y, width, height)

    def _image(self, layer: int, x: int, y: int, data: bytearray) -> None:
        import io

        opened = self.image.open(io.BytesIO(bytes(data)))
        kind = str(opened.format).lower()
        if kind == "webp":
            kind = "webp lossless" if b"VP8L" in data[:64] else "webp lossy"
        image = self.np.asarray(opened.convert("RGB"))
        height, width = image.shape[:2]
        pixels = self._target(layer, x + width, y + height)
        part = image[: max(0, pixels.shape[0] - y), : max(0, pixels.shape[1] - x)]
        pixels[y : y + part.shape[0], x : x + part.shape[1]] = part
        self._painted(layer, kind, x, y, width, height)

    def save(self, path: Path) -> None:
        self.image.fromarray(self.picture).save(path)


def xwd(display: str, environment: dict[str, str]) -> Any:
    """Return the picture of an X display: (height, width, 3), red green blue."""
    import numpy

    raw = subprocess.run(
        ["xwd", "-root", "-silent", "-display", display],
        env={**os.environ, **environment},
        capture_output=True,
        check=True,
        timeout=20,
    ).stdout
    head = struct.unpack_from(">25I", raw)
    size, width, height, stride, colours = head[0], head[4], head[5], head[12], head[19]
    pixels = numpy.frombuffer(raw, numpy.uint8, stride * height, size + 12 * colours)
    bgrx = pixels.reshape(height, stride)[:, : width * 4].reshape(height, width, 4)
    return bgrx[..., 2::-1].copy()


def likeness(seen: Any, truth: Any, without: tuple[int, int, int, int] | None) -> Json:
    """How near a painted picture is to the truth, by 8x8 blocks; `without` is a rectangle left out."""
    import numpy

    if seen.shape != truth.shape:
        return {"size": f"{seen.shape} seen, {truth.shape} true"}
    height, width = (side // 8 * 8 for side in seen.shape[:2])
    keep = numpy.ones(seen.shape[:2], bool)
    if without:
        x, y, w, h = without
        keep[y : y + h, x : x + w] = False
    difference = numpy.abs(seen.astype(numpy.int16) - truth).max(2)
    inside = difference[keep]
    weights = numpy.array([0.299, 0.587, 0.114])

    def blocks(values: Any) -> Any:
        part = values[:height, :width].reshape(height // 8, 8, width // 8, 8)
        return part.transpose(0, 2, 1, 3).reshape(height // 8, width // 8, 64)

    a, b = blocks(seen @ weights), blocks(truth @ weights)
    mean_a, mean_b = a.mean(2), b.mean(2)
    covariance = (a * b).mean(2) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    ssim = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)) / (
        (mean_a**2 + mean_b**2 + c1) * (a.var(2) + b.var(2) + c2)
    )
    whole = blocks(keep.astype(numpy.uint8)).all(2)
    square = ((seen.astype(numpy.float64) - truth) ** 2)[keep].mean()
    return {
        "exact_share": round(float((inside == 0).mean()), 5),
        "within_8_share": round(float((inside <= 8).mean()), 5),
        "max_difference": int(inside.max()),
        "ssim": round(float(ssim[whole].mean()), 5),
        "ssim_worst_percent": round(float(numpy.percentile(ssim[whole], 1)), 4),
        "psnr_db": 99.0 if not square else round(float(10 * numpy.log10(255**2 / square)), 2),
    }


# ------------------------------------------------------------------------------------------------
# Desktops: screen, typing, join, viewers, fleet, resize
# ------------------------------------------------------------------------------------------------


def machine_cpu() -> tuple[float, float]:
    """CPU seconds of the whole machine: busy, all."""
    ticks = [int(part) for part in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / TICK, sum(ticks) / TICK


@contextlib.contextmanager
def shown(options: argparse.Namespace, command: str | None, display: str) -> Iterator[None]:
    """`spawned` with the variables of --env."""
    prefix = "".join(f"export {name}='{value}'; " for name, value in options.env)
    prefix += options.before
    with spawned(command and prefix + command, display):
        yield


async def watch(client: Client, seconds: float) -> tuple[float, list[float]]:
    """Count the frames of so many seconds: time measured, gaps between frames."""
    gaps: list[float] = []
    started = last = time.perf_counter()
    while (left := started + seconds - time.perf_counter()) > 0:
        try:
            now = await asyncio.wait_for(client.next_drawn_frame(), left)
        except TimeoutError:
            break
        gaps.append(now - last)
        last = now
    return time.perf_counter() - started, gaps


def painted(
    options: argparse.Namespace,
    kept: list[tuple[float, bytes]],
    since: float,
    until: float,
    truth: Any = None,
) -> Json:
    """Paint what was kept; `since` and `until` bound the measured time, and `truth` is what is seen at
    the end."""
    painter, areas = Painter(), {}
    rests = exact = None
    losses = 0
    area, strips, last_strip = 0, 0, b""
    began = ended = None
    for at in painter.play(kept):
        if at < since:
            began = (painter.area, collections.Counter(painter.types))
        elif at <= until:
            ended = (painter.area, collections.Counter(painter.types))
            strip = painter.picture[-16:, : painter.picture.shape[1] // 2].tobytes()
            strips += strip != last_strip
            last_strip = strip
        lost = painter.types["jpeg"] + painter.types["webp lossy"]
        if lost != losses:
            losses, rests, exact = lost, at, None
        elif at > until and exact is None and painter.np.array_equal(painter.picture, truth):
            exact = at
    if began and ended:
        area = ended[0] - began[0]
        areas = dict((ended[1] - began[1]).most_common())
    height, width = painter.picture.shape[:2]
    whole = max(1, width * height)
    result: Json = {
        "screenfuls_per_s": round(area / whole / (until - since), 2),
        "different_bottom_lines_per_s": round(strips / (until - since), 2),
        "screenfuls_by_kind": {kind: round(pixels / whole, 2) for kind, pixels in areas.items()},
    }
    if rests is not None and exact is not None:
        result["exact_after_s"] = round(exact - rests, 2)  # after the last image with losses
    if painter.skipped:
        result["not_painted"] = dict(painter.skipped)
    if options.paint:
        painter.save(options.paint)
    return {"result": result, "picture": painter.picture}


async def run_screen(options: argparse.Namespace, target: Target, tree: ProcessTree) -> Json:
    """`vnc` for any protocol, with memory, the machine's load, the picture and its truth."""
    keep = bool(options.paint or options.truth)
    environment = dict(options.env)
    empty = tree.memory()
    servers = [ProcessTree(pid) for pid in options.server_pid]
    last: Json = {}
    with contextlib.ExitStack() as stack:
        if options.spawn and not options.late:
            stack.enter_context(shown(options, options.spawn, options.display))
            await asyncio.sleep(options.lead)
        async with session(target, keep=keep) as viewer:
            first = viewer.counters.report(viewer.times["first_drawn_frame"])
            first["times_s"] = {name: round(at, 4) for name, at in viewer.times.items()}
            if options.spawn and options.late:
                await viewer.quiet(options.settle, 5)
                stack.enter_context(shown(options, options.spawn, options.display))
                await asyncio.sleep(options.lead)
            await asyncio.sleep(options.settle)
            viewer.counters = Counters()
            busy, own = machine_cpu(), time.process_time()
            served = sum(server.cpu() for server in servers)
            with Meter(tree) as meter:
                since = time.perf_counter()
                elapsed, gaps = await watch(viewer, options.seconds)
                until = time.perf_counter()
                report = meter.report()
            own, after = time.process_time() - own, machine_cpu()
            served = sum(server.cpu() for server in servers) - served
            counters = viewer.counters.report(elapsed)
            memory = tree.memory()
            if options.truth:
                await asyncio.sleep(options.rest)
                before = viewer.counters.drawn_frames
                truth = xwd(options.display, environment)
                await asyncio.sleep(0.3)
                last["frames_while_xwd"] = viewer.counters.drawn_frames - before
            kept = list(viewer.kept or [])
    if keep:
        done = painted(options, kept, since, until, truth if options.truth else None)
        last.update(done["result"])
        if options.truth:
            last["likeness"] = likeness(done["picture"], truth, options.without)
            if options.paint:
                from PIL import Image

                Image.fromarray(truth).save(options.paint.with_suffix(".truth.png"))
    return {
        "spawn": options.spawn,
        "seconds": round(elapsed, 2),
        "first_frame": first,
        **counters,
        "frame_gap_ms": spread_ms(gaps),
        "mbit_per_s": round(counters["bytes_to_client"] * 8 / 1e6 / elapsed, 2),
        **report,
        "client_cpu_s": round(own, 2),
        "server_cpu_s": round(served, 2),
        "machine_busy_share": round((after[0] - busy[0]) / (after[1] - busy[1]), 3),
        "pss_mib_of_session": round(memory["pss_mib"] - empty["pss_mib"], 2),
        "threads_of_session": memory["threads"] - empty["threads"],
        **last,
    }


async def run_typing(options: argparse.Namespace, target: Target, tree: ProcessTree) -> Json:
    """Key pressed to changed pixels, in an xterm whose cell (0,0) is at --cell and measures --font.

    A letter moves the text cursor into the next cell: the first `sync` after which that cell is not
    blank ends the wait for that key, however the daemon cuts its frames.
    """
    pressed: list[float] = []
    with shown(options, options.spawn, options.display):
        await asyncio.sleep(options.lead)
        async with session(target, keep=True) as client:
            await client.quiet(options.settle, 5)  # a server may drop input until it shows all
            if options.click:
                x, y = options.click
                for mask in (0, 1, 0):
                    client.send(encode("mouse", x, y, mask))
                    await asyncio.sleep(0.1)
            await client.quiet(options.settle, 5)
            letters = itertools.cycle("etaoinshrdlucmfwypvbgkjqxz")
            client.counters = Counters()
            with Meter(tree) as meter:
                started = due = time.perf_counter()
                for _ in range(options.keys):
                    pressed.append(time.perf_counter())
                    client.key(ord(next(letters)))
                    due = max(due + random.uniform(0.5, 1.5) / options.rate, time.perf_counter())
                    await asyncio.sleep(due - time.perf_counter())
                elapsed = time.perf_counter() - started
                await asyncio.sleep(1.0)
                report = meter.report()
            counters = client.counters.report(elapsed)
            kept = list(client.kept or [])
    painter = Painter()
    (left, top), (cell_width, cell_height) = options.cell, options.font
    seen: list[float] = []
    blank = None
    for at in painter.play(kept):
        row = painter.picture[top : top + cell_height, left : left + cell_width * options.keys]
        if at < pressed[0]:
            blank = row[1, -1].copy() if row.size else None
            continue
        cells = row.reshape(cell_height, -1, cell_width, 3)
        marked = (painter.np.abs(cells.astype(int) - blank).max(3) > 64).any((0, 2))  # lossy images
        reached = int(marked.nonzero()[0].max()) if marked.any() else 0
        while len(seen) < min(reached, options.keys):
            seen.append(at)
    if options.paint:
        painter.save(options.paint)
    waits = [at - when for at, when in zip(seen, pressed, strict=False)]
    return {
        "keys": options.keys,
        "seen": len(seen),
        "achieved_rate": round(options.keys / elapsed, 2),
        "key_to_pixels_ms": {**spread_ms(waits), "p90": round(percentile(waits, 90) * 1000, 3)}
        if waits
        else None,
        **counters,
        **report,
    }


def completed(
    kept: list[tuple[float, bytes]], until: float, *, exactly: bool = False
) -> tuple[float | None, Any]:
    """When the picture was first, and from then on, what it is at `until`: about, in 99.5 % of the
    pixels, or `exactly`."""
    import numpy

    states: list[tuple[float, Any]] = []
    painter = Painter()
    for at in painter.play(kept):
        if at <= until:
            states.append((at, painter.picture[::2, ::2].copy()))
    whole, since = painter.picture, None
    final = states[-1][1]
    for at, state in reversed(states):
        if state.shape != final.shape:
            break
        difference = numpy.abs(state.astype(numpy.int16) - final).max(2)
        if difference.any() if exactly else (difference <= 24).mean() < 0.995:
            break
        since = at
    return since, whole


async def run_join(options: argparse.Namespace, target: Target, tree: ProcessTree) -> Json:
    """Connect, and join it with a second viewer: times to the first frame and to the full picture."""
    owners: dict[str, list[float]] = collections.defaultdict(list)
    joiners: dict[str, list[float]] = collections.defaultdict(list)
    sizes: list[int] = []
    cpu = tree.cpu()
    with shown(options, options.spawn, options.display):
        await asyncio.sleep(options.lead)
        for _ in range(options.repeat):
            async with session(target, keep=True) as owner:
                await asyncio.sleep(options.watch)
                until = time.perf_counter()
                second = Target(
                    **{
                        **{name: getattr(target, name) for name in target.__slots__},
                        "protocol": owner.connection_id,
                        "parameters": {},
                        "record_server": None,
                        "record_client": None,
                    }
                )
                async with session(second, keep=True) as viewer:
                    await asyncio.sleep(options.watch)
                    later = time.perf_counter()
                    kept = list(viewer.kept or [])
                tree.cpu()
                for client, times, end, data in (
                    (owner, owners, until, list(owner.kept or [])),
                    (viewer, joiners, later, kept),
                ):
                    full, picture = completed(data, end)
                    for name in ("ready", "first_sync", "first_drawn_frame"):
                        times[name].append(client.times[name])
                    if full is not None:
                        times["full_picture"].append(full - client.started)
                    exact, _ = completed(data, end, exactly=True)
                    if exact is not None:
                        times["exact_picture"].append(exact - client.started)
                sizes.append(sum(len(part) for at, part in kept))
                if options.paint:
                    Painter().image.fromarray(picture).save(options.paint)
            await asyncio.sleep(options.pause)
    return {
        "repeat": options.repeat,
        "owner_ms": {name: spread_ms(values) for name, values in owners.items()},
        "joined_ms": {name: spread_ms(values) for name, values in joiners.items()},
        "joined_bytes": spread(sizes),
        "daemon_cpu_s": round(tree.cpu() - cpu, 3),
    }


async def run_viewers(options: argparse.Namespace, target: Target, tree: ProcessTree) -> Json:
    """One session, watched by several: CPU, memory, frames each."""
    empty = tree.memory()
    with shown(options, options.spawn, options.display):
        await asyncio.sleep(options.lead)
        async with session(target) as owner, contextlib.AsyncExitStack() as stack:
            second = Target(
                **{
                    **{name: getattr(target, name) for name in target.__slots__},
                    "protocol": owner.connection_id,
                    "parameters": {},
                    "record_server": None,
                    "record_client": None,
                }
            )
            clients = [owner]
            for _ in range(options.viewers - 1):
                clients.append(await stack.enter_async_context(session(second)))
            await asyncio.sleep(options.settle)
            report = await watch_all(options, clients, tree)
            report["pss_mib"] = round(tree.memory()["pss_mib"] - empty["pss_mib"], 2)
    return {"viewers": options.viewers, **report}


async def run_fleet(options: argparse.Namespace, target: Target, tree: ProcessTree) -> Json:
    """Several sessions at once: {n} in --spawn, --display and parameters is the session's number."""
    empty = tree.memory()
    with contextlib.ExitStack() as commands:
        for number in range(options.sessions):
            name = str(options.first + number)
            command = options.spawn and options.spawn.replace("{n}", name)
            commands.enter_context(shown(options, command, options.display.replace("{n}", name)))
        await asyncio.sleep(options.lead)
        async with contextlib.AsyncExitStack() as stack:
            clients = []
            for number in range(options.sessions):
                name = str(options.first + number)
                parameters = {k: v.replace("{n}", name) for k, v in target.parameters.items()}
                one = Target(
                    **{
                        **{field: getattr(target, field) for field in target.__slots__},
                        "parameters": parameters,
                        "record_server": None,
                        "record_client": None,
                    }
                )
                clients.append(await stack.enter_async_context(session(one)))
            await asyncio.sleep(options.settle)
            report = await watch_all(options, clients, tree)
            report["pss_mib"] = round(tree.memory()["pss_mib"] - empty["pss_mib"], 2)
    return {"sessions": options.sessions, **report}


async def watch_all(options: argparse.Namespace, clients: list[Client], tree: ProcessTree) -> Json:
    for client in clients:
        client.counters = Counters()
    busy, own = machine_cpu(), time.process_time()
    with Meter(tree) as meter:
        started = time.perf_counter()
        await asyncio.sleep(options.seconds)
        elapsed = time.perf_counter() - started
        report = meter.report()
    own, after = time.process_time() - own, machine_cpu()
    rates = [round(client.counters.drawn_frames / elapsed, 2) for client in clients]
    return {
        "seconds": round(elapsed, 2),
        "drawn_fps": rates,
        "drawn_fps_median": statistics.median(rates),
        "drawn_fps_least": min(rates),
        "alive": sum(not client.closed.done() for client in clients),
        "mb_to_clients": round(sum(client.counters.bytes_in for client in clients) / 1e6, 3),
        **report,
        "client_cpu_s": round(own, 2),
        "machine_busy_share": round((after[0] - busy[0]) / (after[1] - busy[1]), 3),
    }


async def run_resize(options: argparse.Namespace, target: Target, tree: ProcessTree) -> Json:
    """`size` from the client: time to the new `size` of layer 0 and to the whole picture."""
    del tree
    steps: list[Json] = []
    async with session(target, keep=True) as client:
        await client.quiet(options.settle, 5)
        for width, height in options.sizes:
            sent = time.perf_counter()
            client.send(encode("size", width, height))
            await asyncio.sleep(options.watch)
            until, kept = time.perf_counter(), list(client.kept or [])
            painter, new_size = Painter(), None
            for at in painter.play(kept):
                if at > sent and new_size is None:
                    if painter.picture.shape[:2] == (height, width):
                        new_size = at - sent
            full, _ = completed(kept, until)
            steps.append(
                {
                    "asked": f"{width}x{height}",
                    "got": "x".join(map(str, painter.picture.shape[1::-1])),
                    "new_size_s": None if new_size is None else round(new_size, 3),
                    "full_picture_s": None
                    if full is None or full < sent
                    else round(full - sent, 3),
                    "closed": client.closed.done(),
                }
            )
            if options.paint:
                painter.save(options.paint)
    return {"steps": steps, "errors": client.errors}


# ------------------------------------------------------------------------------------------------
# probe
# ------------------------------------------------------------------------------------------------


async def run_probe(options: argparse.Namespace, target: Target, tree: ProcessTree) -> Json:
    """Return the answer of the daemon to raw bytes, or to a handshake, until it closes."""
    del tree
    if options.raw is None:
        client = await open_client(target, log=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(client.closed), options.seconds)
        client.close()
        await client.closed
        assert client.log is not None
        return {
            "milestones_s": {name: round(value, 4) for name, value in client.times.items()},
            "errors": client.errors,
            "instructions": client.log[: options.limit],
            "opcodes": dict(client.counters.opcodes),
        }
    started = time.perf_counter()
    reader, writer = await asyncio.open_connection(target.host, target.port)
    writer.write(options.raw.encode().decode("unicode_escape").encode("latin-1"))
    if options.shut:
        writer.write_eof()
    chunks: list[Json] = []
    ended = "still open"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(options.seconds):
            try:
                while data := await reader.read(65536):
                    at = round(time.perf_counter() - started, 4)
                    chunks.append({"at": at, "data": data[:400].decode(errors="replace")})
                ended = "closed"
            except OSError as error:
                ended = repr(error)
    at = round(time.perf_counter() - started, 4)
    writer.close()
    return {"sent": options.raw[:200], "received": chunks, "end": ended, "end_at_s": at}


# ------------------------------------------------------------------------------------------------
# Command line
# ------------------------------------------------------------------------------------------------


def key_value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not key=value")
    return name, value


def build_arguments() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    add = common.add_argument
    add("--host", default="127.0.0.1", help="daemon's address")
    add("--port", type=int, default=4822, help="daemon's port")
    add("--protocol", default="ssh")
    add("-p", "--parameter", type=key_value, action="append", default=[], metavar="KEY=VALUE")
    add("--daemon-pid", type=int, help="root of the daemon's process tree, for CPU and memory")
    add("--width", type=int, default=1024)
    add("--height", type=int, default=768)
    add("--dpi", type=int, default=96)
    add("--image", default="image/jpeg,image/png,image/webp", help="image types accepted")
    add("--label", default="", help="copied into the result")
    add("--settle", type=float, default=0.7, help="seconds without drawing that count as quiet")
    add("--record-server", type=Path, help="file for the first bytes from the daemon")
    add("--record-client", type=Path, help="file for the first bytes from the client")
    add("--record-limit", type=int, default=300_000)

    root = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    commands = root.add_subparsers(dest="command_name", required=True)

    def command(name: str, text: str, run: Callable[..., Any]) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text, parents=[common])
        sub.set_defaults(run=run)
        return sub

    sub = command("connect", "time to ready, first sync and first drawn frame", run_connect)
    sub.add_argument("--repeat", type=int, default=20)
    sub.add_argument("--pause", type=float, default=0.2, help="seconds between connections")

    sub = command("latency", "key press to drawn frame at a shell prompt", run_latency)
    sub.add_argument("--keys", type=int, default=200)
    sub.add_argument("--rate", type=float, default=20.0, help="keys per second")

    sub = command("flood", "throughput of terminal output (SSH server on this host)", run_flood)
    sub.add_argument("--kind", choices=("seq", "colour", "tui", "paced", "command"), default="seq")
    sub.add_argument("--count", type=int, default=2_000_000, help="seq: last number")
    sub.add_argument("--megabytes", type=int, default=20, help="colour: size of the file")
    sub.add_argument("--frames", type=int, default=2000, help="tui: number of screens")
    sub.add_argument("--columns", type=int, default=96)
    sub.add_argument("--rows", type=int, default=36)
    sub.add_argument("--fps", type=float, default=30.0, help="paced: screens per second")
    sub.add_argument("--seconds", type=float, default=10.0, help="paced: duration")
    sub.add_argument("--python", default="python3", help="paced: interpreter in the session")
    sub.add_argument("--command", default="true", help="command: shell command to run")
    sub.add_argument("--interrupt", type=float, default=0.0, help="press Ctrl-C after so long")
    sub.add_argument("--timeout", type=float, default=300.0)
    sub.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "guacbench-data")

    sub = command("idle", "memory and CPU of many idle connections", run_idle)
    sub.add_argument("--connections", type=int, default=50)
    sub.add_argument("--parallel", type=int, default=1, help="connections opened at once")
    sub.add_argument("--connect-timeout", type=float, default=10.0)
    sub.add_argument("--seconds", type=float, default=10.0)

    sub = command("vnc", "frame rate and cost of an animated display", run_vnc)
    sub.add_argument("--seconds", type=float, default=10.0)
    sub.add_argument("--spawn", help="shell command to run on --display meanwhile")
    sub.add_argument("--display", default=":7")

    def numbers(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in text.replace("x", ",").split(","))

    def desktop(name: str, text: str, run: Callable[..., Any]) -> argparse.ArgumentParser:
        sub = command(name, text, run)
        sub.add_argument("--seconds", type=float, default=10.0)
        sub.add_argument("--spawn", help="shell command to run on --display meanwhile")
        sub.add_argument("--display", default=":7")
        sub.add_argument(
            "--env", type=key_value, action="append", default=[], help="for --spawn, xwd"
        )
        sub.add_argument("--before", default="", help="shell commands before --spawn, ended by ;")
        sub.add_argument(
            "--lead", type=float, default=2.0, help="seconds from --spawn to connecting"
        )
        sub.add_argument("--paint", type=Path, help="PNG for the last picture")
        return sub

    sub = desktop("screen", "frame rate, cost and likeness of an animated desktop", run_screen)
    sub.add_argument(
        "--server-pid",
        type=int,
        action="append",
        default=[],
        help="the desktop's server, for its CPU",
    )
    sub.add_argument("--late", action="store_true", help="connect first, then --spawn")
    sub.add_argument("--truth", action="store_true", help="compare with xwd of --display")
    sub.add_argument("--rest", type=float, default=0.0, help="truth: seconds to wait before it")
    sub.add_argument("--without", type=numbers, help="truth: X,Y,WIDTH,HEIGHT left out")

    sub = desktop("typing", "key press to changed pixels in an xterm", run_typing)
    sub.add_argument("--keys", type=int, default=190)
    sub.add_argument("--rate", type=float, default=20.0)
    sub.add_argument("--cell", type=numbers, default=(23, 23), help="X,Y of the first cell")
    sub.add_argument("--font", type=numbers, default=(6, 13), help="WIDTHxHEIGHT of a cell")
    sub.add_argument("--click", type=numbers, help="X,Y to click first, for the focus")

    sub = desktop("join", "connect, and join with a second viewer: full picture", run_join)
    sub.add_argument("--repeat", type=int, default=5)
    sub.add_argument("--watch", type=float, default=3.0)
    sub.add_argument("--pause", type=float, default=1.0)

    sub = desktop("viewers", "several viewers of one session", run_viewers)
    sub.add_argument("--viewers", type=int, default=5)

    sub = desktop("fleet", "several sessions at once", run_fleet)
    sub.add_argument("--sessions", type=int, default=10)
    sub.add_argument("--first", type=int, default=0)

    sub = desktop("resize", "size from the client", run_resize)
    sub.add_argument("--sizes", type=numbers, nargs="+", default=[(1280, 720), (1024, 768)])
    sub.add_argument("--watch", type=float, default=4.0)

    sub = command("probe", "answers to odd or failing input, with times", run_probe)
    sub.add_argument("--raw", help="bytes to send instead of a handshake (\\n, \\x00 escapes)")
    sub.add_argument("--shut", action="store_true", help="raw: half-close after sending")
    sub.add_argument("--seconds", type=float, default=20.0, help="how long to listen")
    sub.add_argument("--limit", type=int, default=60, help="instructions shown")

    sub = commands.add_parser("play", help="write the screens of a file at a fixed rate")
    sub.add_argument("file", type=Path)
    sub.add_argument("--fps", type=float, default=30.0)
    sub.add_argument("--frames", type=int, default=0, help="0: for ever")
    sub.set_defaults(local=run_play)

    sub = commands.add_parser("serve-telnet", help="trivial server with a prompt, for idle")
    sub.add_argument("--listen", type=int, default=2323)
    sub.set_defaults(local=run_telnet_server)
    return root


def main() -> None:
    options = build_arguments().parse_args()
    if local := getattr(options, "local", None):
        local(options)
        return
    target = Target(
        host=options.host,
        port=options.port,
        protocol=options.protocol,
        parameters=dict(options.parameter),
        width=options.width,
        height=options.height,
        dpi=options.dpi,
        images=tuple(filter(None, options.image.split(","))),
        record_server=options.record_server,
        record_client=options.record_client,
        record_limit=options.record_limit,
    )
    result = asyncio.run(options.run(options, target, ProcessTree(options.daemon_pid)))
    head: Json = {"label": options.label, "bench": options.command_name}
    print(json.dumps({**head, "protocol": target.protocol, **result}, indent=1))


if __name__ == "__main__":
    main()
