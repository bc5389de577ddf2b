"""The faults that are injected into a soak, one at a time."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.soak.clock import Clock
from benchmarks.soak.people import Loss
from benchmarks.soak.servers import FAR, NEAR_ADDRESS, Servers
from tests.support.network_namespace import ip

GRACE = 60.0
"""Seconds after a fault in which a loss of the kinds that it affects counts as its consequence:
time-outs of connections are shorter."""
FILES = 64
MEMORY = 64 << 20
"""Bytes that the daemon may use in addition."""
JUMPS = (3600, -7200)
"""Seconds by which the clock is wrong."""
EVERYTHING = frozenset({"*"})

Act = Callable[[], AbstractAsyncContextManager[None]]


@dataclass(slots=True)
class Fault:
    """A fault, which lasts as long as the block of `act`."""

    name: str
    affects: frozenset[str]
    """The kinds of sessions that may be lost; `*` for all."""
    act: Act
    is_silent: bool = False
    """True if a client may not even be told a sentence."""
    spares_begun: bool = False
    """True if only sessions may be lost that have not shown a frame yet."""
    times: list[tuple[float, float]] = field(default_factory=list)
    """When it was injected, on the monotonic clock."""

    def explains(self, loss: Loss) -> bool:
        """Return whether the loss of a session is a consequence."""
        if not self.affects & {loss.kind, "*"} or (self.spares_begun and loss.had_begun):
            return False
        return any(start <= loss.at <= end + GRACE for start, end in self.times)

    async def inject(self, seconds: float) -> None:
        """Let it happen for some seconds."""
        start = time.monotonic()
        self.times.append((start, start + seconds))
        try:
            async with self.act():
                await asyncio.sleep(seconds)
        finally:
            self.times[-1] = (start, time.monotonic())


def faults(
    servers: Servers, daemon: int, place: Path, clock: Clock, *, has_workers: bool
) -> list[Fault]:
    """Return those that are possible here.

    Args:
        servers: what runs.
        daemon: the daemon's process.
        place: a small disk; a directory of it is filled.
        clock: the daemon's.
        has_workers: true if others of its processes have the sessions.
    """

    def limit(name: str, kind: int, value: Callable[[int], int]) -> Fault:
        """Limit each process; if nobody can be accepted, there may not even be a sentence."""
        act = lambda: _limited(_daemons(daemon), kind, value)  # noqa: E731
        return Fault(name, EVERYTHING, act, is_silent=True)

    found = [
        limit("limit of 64 files", resource.RLIMIT_NOFILE, lambda _: FILES),
        limit("limit of memory", resource.RLIMIT_AS, _used),
        Fault("daemon stopped", EVERYTHING, lambda: _stopped(_daemons(daemon)), spares_begun=True),
    ]
    if has_workers:
        one = partial(_daemon_workers, daemon)
        found.append(Fault("worker killed", EVERYTHING, lambda: _killed(one()[:1]), is_silent=True))
        found.append(
            Fault("worker stopped", EVERYTHING, lambda: _stopped(one()[-1:]), is_silent=True)
        )
    if servers.ssh:
        is_ssh = frozenset({"ssh", "far ssh"})
        found.append(Fault("sshd killed", is_ssh, lambda: _killed(_sshd())))
        found.append(Fault("sshd stopped", is_ssh, lambda: _stopped(_sshd())))
    if servers.is_far:
        found.append(Fault("black hole", frozenset({"far ssh"}), _black_hole))
    for name, process in servers.processes.items():
        found.append(Fault(f"{name} killed", frozenset({name}), _restarted(process)))
    if servers.desktop is not None:
        desktop = servers.desktop.server.pid
        found.append(
            Fault("desktop stopped", frozenset({"vnc", "rdp"}), lambda: _stopped([desktop]))
        )
        found.append(
            Fault("RDP worker killed", frozenset({"rdp"}), lambda: _killed(_rdp_workers(daemon)))
        )
    if os.path.ismount(place):
        found.append(Fault("full disk", frozenset({"recorded"}), lambda: _full(place)))
    found += [Fault(f"clock {jump:+} s", frozenset(), _jump(clock, jump)) for jump in JUMPS]
    return found


def tree(pid: int) -> list[int]:
    """Return a process and all below it."""
    found = [pid]
    for one in found:
        with suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def _sshd() -> list[int]:
    """Return the processes of sessions of sshd that run here."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_bytes()
            if command.startswith(b"sshd:") and b"listener" not in command:
                found.append(int(process.name))
    return found


def _daemons(daemon: int) -> list[int]:
    """Return the processes that accept and serve clients."""
    return [daemon, *_daemon_workers(daemon)]


def _daemon_workers(daemon: int) -> list[int]:
    """Return the workers of the daemon, the newest last; none if it is a single process."""
    return sorted(pid for pid in tree(daemon) if _name(pid).startswith("guacr w"))


def _name(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text()
    return ""


def _rdp_workers(daemon: int) -> list[int]:
    """Return the workers of RDP: what the zygotes of the processes with sessions have started."""
    zygotes: list[int] = []
    for pid in _daemon_workers(daemon) or [daemon]:
        zygotes += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return [one for zygote in zygotes for one in tree(zygote)[1:]]


def _used(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    return pages * resource.getpagesize() + MEMORY


@asynccontextmanager
async def _killed(pids: Iterable[int]) -> AsyncIterator[None]:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    yield


@asynccontextmanager
async def _stopped(pids: Iterable[int]) -> AsyncIterator[None]:
    stopped = list(pids)
    _signal(stopped, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(stopped, signal.SIGCONT)


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _restarted(process: object) -> Act:
    kill: Callable[[], None] = process.kill  # type: ignore[attr-defined]
    start: Callable[[], None] = process.start  # type: ignore[attr-defined]

    @asynccontextmanager
    async def act() -> AsyncIterator[None]:
        kill()
        try:
            yield
        finally:
            await asyncio.to_thread(start)

    return act


@asynccontextmanager
async def _limited(
    pids: Iterable[int], kind: int, value: Callable[[int], int]
) -> AsyncIterator[None]:
    before = {pid: resource.prlimit(pid, kind) for pid in pids}
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, kind, (value(pid), hard))
    try:
        yield
    finally:
        for pid, limits in before.items():
            with suppress(ProcessLookupError):
                resource.prlimit(pid, kind, limits)


@asynccontextmanager
async def _black_hole() -> AsyncIterator[None]:
    """Nothing comes back from the namespace."""
    ip("-n", FAR, "route", "add", "blackhole", f"{NEAR_ADDRESS}/32")
    try:
        yield
    finally:
        ip("-n", FAR, "route", "delete", "blackhole", f"{NEAR_ADDRESS}/32")


@asynccontextmanager
async def _full(place: Path) -> AsyncIterator[None]:
    filler = place / "filler"
    _fill(filler)
    try:
        yield
    finally:
        filler.unlink()


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 20))


def _jump(clock: Clock, seconds: int) -> Act:
    @asynccontextmanager
    async def act() -> AsyncIterator[None]:
        clock.set(seconds)
        try:
            yield
        finally:
            clock.set(0)

    return act


async def in_turn(
    found: list[Fault], spacing: float, seconds: float, tell: Callable[[str], None]
) -> None:
    """Inject one after the other, and begin again, until cancelled."""
    while True:
        for fault in found:
            await asyncio.sleep(spacing - seconds)
            tell(f"fault: {fault.name}, {seconds:.0f} s")
            await fault.inject(seconds)
