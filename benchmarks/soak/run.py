"""The command (see `benchmarks.soak`)."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from benchmarks.soak.clock import Clock
from benchmarks.soak.faults import Fault, faults, in_turn
from benchmarks.soak.people import Crowd
from benchmarks.soak.servers import Servers
from benchmarks.soak.usage import MOMENTS_MIN, Usage, growth
from tests.support.server_process import end
from tests.support.waiting import free_port, listens, until

INSIDE = "GUACR_SOAK"
"""Set in the namespaces, to the directory for what is kept."""
NAMESPACES = ("unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")
DISK = "64m"
"""Of recordings and the journal."""
SPACING, HOLD = 60.0, 15.0
"""Seconds from one fault to the next, and that each lasts."""
ENDED_WITHIN = 60.0
"""Seconds after which nothing of sessions may be left."""
FORGOTTEN_AFTER = 120.0
"""Seconds after which a recording is deleted that nothing has been added to, for longer than any
session lasts."""
PAUSE = 5.0
"""Seconds after which nothing of sessions is left, and the daemon has returned free memory."""
FILES_LEFT_MAX, THREADS_LEFT_MAX = 8, 32
"""Files and threads that may be left, compared with after the first sessions: pools of threads,
which are limited, have begun to work in the meantime."""
CONFIG = """
[server]
hosts = ["127.0.0.1"]
port = {port}
max_connections = 5000
[websocket]
enabled = false
[recording]
directories = ["{disk}"]
min_free_disk = 1048576
[journal]
directory = "{disk}/journal"
min_free_disk = 1048576
segment_size = 1048576
[audit]
size = 8388608
[daemon]
workers = {workers}
"""

Tell = Callable[[str], None]
"""Prints a line with its time."""


def main(arguments: list[str]) -> int:
    """Parse the arguments, and soak; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks soak")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--sessions", type=int, default=500, help="at a time")
    parser.add_argument("--workers", type=int, default=1, help="processes with sessions")
    parser.add_argument("--every", type=float, default=60.0, help="seconds between two lines")
    parser.add_argument("--only", default="", help="inject only faults with this in their names")
    options = parser.parse_args(arguments)
    # people write to processes that were just killed
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    if os.geteuid() != 0:
        return asyncio.run(_soak(options))
    if INSIDE not in os.environ:
        return _run_inside(arguments)
    _prepare_namespaces()
    if child := os.fork():
        return _reap_until(child)
    return asyncio.run(_soak(options))


def _run_inside(arguments: list[str]) -> int:
    """Soak in namespaces, whose end takes along all that the servers have started and written."""
    command = [*NAMESPACES, sys.executable, "-m", "benchmarks", "soak", *arguments]
    with tempfile.TemporaryDirectory(prefix="guacr-soak-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o755)  # some of the servers run as other users
        environment = os.environ | {INSIDE: tempfile.gettempdir(), "TMPDIR": place}
        return subprocess.run(command, env=environment, check=False).returncode


def _reap_until(child: int) -> int:
    """As the first process of a namespace, reap all processes until one ends; return its status."""
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status) & 0xFF


def _prepare_namespaces() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    names = Path("/run/netns")  # of network namespaces within this one
    names.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", names], check=True)


async def _soak(options: argparse.Namespace) -> int:
    begin = time.monotonic()

    def tell(text: str) -> None:
        print(f"{(time.monotonic() - begin) / 60:6.1f} min  {text}", flush=True)

    async with AsyncExitStack() as stack:
        place = Path(tempfile.mkdtemp(prefix="guacr-soak-"))
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        disk = stack.enter_context(_disk(place))
        servers = Servers()
        await servers.start(stack, place, disk)
        clock = Clock(place)
        daemon, port = await stack.enter_async_context(_daemon(place, disk, clock, options.workers))
        found = faults(servers, daemon.pid, disk, clock, has_workers=options.workers > 1)
        found = [fault for fault in found if options.only in fault.name]
        for text in servers.missing:
            tell(f"missing: {text}")
        tell(f"kinds: {', '.join(kind.name for kind in servers.kinds)}")
        tell(f"faults: {', '.join(fault.name for fault in found)}")
        crowd = Crowd(port, servers.kinds)
        await crowd.warm_up()
        await asyncio.sleep(PAUSE)
        idle = Usage.of(daemon.pid)
        moments = await _go_on(options, crowd, found, daemon, disk, tell)
        last = await _settled(daemon.pid, idle)
        status = daemon.poll()
        if status is not None:
            tell(f"the daemon has ended with status {status}")
        held = [
            _report_losses(crowd, found, tell),
            _report_usage(moments, idle, last, tell),
            _report_log(place / "log", tell),
            status is None,
        ]
        if not all(held):
            kept = Path(os.environ.get(INSIDE, tempfile.gettempdir())) / "guacr-soak.log"
            shutil.copy(place / "log", kept)
            tell(f"the log is in {kept}")
        tell("held" if all(held) else "failed")
        if INSIDE in os.environ:  # the namespaces' end is that of the servers, too
            os._exit(int(not all(held)))
        return int(not all(held))


async def _go_on(
    options: argparse.Namespace,
    crowd: Crowd,
    found: list[Fault],
    daemon: subprocess.Popen[bytes],
    disk: Path,
    tell: Tell,
) -> list[Usage]:
    """Let people work, inject faults, and measure."""
    spacing = min(SPACING, options.minutes * 60 / (len(found) + 1))
    tasks = [asyncio.create_task(crowd.person()) for _ in range(options.sessions)]
    tasks.append(asyncio.create_task(crowd.observe()))
    if found:
        tasks.append(asyncio.create_task(in_turn(found, spacing, min(HOLD, spacing / 2), tell)))
    moments: list[Usage] = []
    deadline = time.monotonic() + options.minutes * 60
    try:
        while time.monotonic() < deadline and daemon.poll() is None:
            await asyncio.sleep(min(options.every, max(0.0, deadline - time.monotonic())))
            moments.append(Usage.of(daemon.pid))
            _forget_recordings(disk)
            now = moments[-1]
            tell(
                f"{crowd.running.total()} sessions, {crowd.done.total()} done, "
                f"{len(crowd.losses)} lost; {now.memory:.0f} MB, {now.files} files, "
                f"{now.threads} threads, {now.processes} processes; people up to "
                f"{crowd.late:.1f} s late"
            )
            crowd.late = 0.0
            for task in tasks:
                if task.done():
                    task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    return moments


def _forget_recordings(disk: Path) -> None:
    for path in disk.glob("soak*"):
        if time.time() - path.stat().st_mtime > FORGOTTEN_AFTER:
            path.unlink()


async def _settled(daemon: int, idle: Usage) -> Usage:
    """Wait until as much is open as before the first session, or for a limited time; then as long
    as after the first sessions, so that the daemon has returned what the last ones have freed."""
    deadline = time.monotonic() + ENDED_WITHIN
    while _left(idle, Usage.of(daemon)) and time.monotonic() < deadline:  # noqa: ASYNC110 - a process
        await asyncio.sleep(1)
    await asyncio.sleep(PAUSE)
    return Usage.of(daemon)


def _left(idle: Usage, now: Usage) -> bool:
    files, threads = now.files - idle.files, now.threads - idle.threads
    return files > FILES_LEFT_MAX or threads > THREADS_LEFT_MAX


def _report_losses(crowd: Crowd, found: list[Fault], tell: Tell) -> bool:
    """Say what was lost, and why; return whether faults explain all of it."""
    explained, strange = Counter[str](), Counter[str]()
    for loss in crowd.losses:
        causes = [fault for fault in found if fault.explains(loss)]
        causes.sort(key=lambda fault: len(fault.affects - {"*"}), reverse=True)
        names = [fault.name for fault in causes]  # those of this kind first
        if names and (loss.is_told or any(fault.is_silent for fault in causes)):
            explained[f"{names[0]}: {loss.kind}: {loss.reason}"] += 1
        else:
            near = f"after {names[0]}, without a sentence" if names else "no fault"
            minute = (loss.at - crowd.begun) / 60
            strange[f"{loss.kind}: {loss.reason} ({near}, minute {minute:.0f})"] += 1
    tell(f"opened {crowd.opened.total()}, done {crowd.done.total()}, lost {len(crowd.losses)}")
    tell("done: " + ", ".join(f"{name} {count}" for name, count in crowd.done.most_common()))
    for title, losses in (("explained by a fault", explained), ("not explained", strange)):
        tell(f"{title}: {losses.total()}")
        for text, count in losses.most_common():
            print(f"            {count} x {text}")
    return not strange


def _report_usage(moments: list[Usage], idle: Usage, last: Usage, tell: Tell) -> bool:
    """Say what has grown; return whether nothing has."""
    grown = growth(moments)
    if len(moments) < MOMENTS_MIN:
        tell(f"grown: {len(moments)} measurements do not tell; take {MOMENTS_MIN} (--every)")
    else:
        tell(f"grown: {', '.join(grown) or 'nothing'}")
    tell(
        f"after one session of each kind {idle.memory:.0f} MB, {idle.files} files, {idle.threads} "
        f"threads; in the end {last.memory:.0f} MB, {last.files} files, {last.threads} threads"
    )
    if left := _left(idle, last):
        tell("left: more files or threads than sessions explain")
        for target, count in (last.targets - idle.targets).most_common():
            print(f"            {count} x {target}")
    return not grown and not left


def _report_log(log: Path, tell: Tell) -> bool:
    """Count unexpected errors in the daemon's log; return whether there are none."""
    tracebacks = log.read_text(errors="replace").count("Traceback (most recent call last)")
    tell(f"unexpected errors in the daemon's log: {tracebacks}")
    return not tracebacks


@contextmanager
def _disk(place: Path) -> Iterator[Path]:
    """A small disk of its own in the namespace; otherwise, a directory."""
    disk = place / "disk"
    disk.mkdir()
    if INSIDE in os.environ:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", disk], check=True)
    try:
        yield disk
    finally:
        if INSIDE in os.environ:
            subprocess.run(["umount", "--lazy", disk], check=False)


@asynccontextmanager
async def _daemon(
    place: Path, disk: Path, clock: Clock, workers: int
) -> AsyncIterator[tuple[subprocess.Popen[bytes], int]]:
    """The daemon, with a clock that can be set wrong."""
    port = free_port()
    config = place / "guacr.toml"
    config.write_text(CONFIG.format(port=port, disk=disk, workers=workers))
    environment = os.environ | clock.environment
    command = [sys.executable, "-m", "guacr", "serve", "-f", "--config", str(config)]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: ASYNC220
    try:
        await until(lambda: listens(port) or process.poll() is not None, "the daemon", 60)
        assert process.poll() is None, (place / "log").read_text()
        yield process, port
    finally:
        await asyncio.to_thread(end, process)
