"""Processor time, memory and files that this process uses."""

from __future__ import annotations

import resource
import time
from pathlib import Path

from guacr.memory import resident
from guacr.net.open_files import open_files

_STARTED = time.time() - time.process_time()
"""About the start of the process, where the system does not say it: when this was imported."""
_PROC = Path("/proc")
_FILES = Path("/proc/self/fd")
CHILDREN_MAX = 10_000
"""Maximum child processes that are looked at."""


def used() -> dict[str, float]:
    """Return the metrics of the process by name; those that the system does not tell are missing.
    Blocks for a few milliseconds if thousands of files are open."""
    times = resource.getrusage(resource.RUSAGE_SELF)
    values = {
        "process_cpu_seconds_total": times.ru_utime + times.ru_stime,
        "process_max_fds": float(open_files()),
        "process_start_time_seconds": _STARTED,
    }
    try:
        values["process_resident_memory_bytes"] = float(resident())
        files = sum(1 for _ in _FILES.iterdir())
        values["process_open_fds"] = float(files - 1)  # one of them is the directory
    except OSError:  # a system without /proc
        pass
    return values


def used_by_children() -> dict[str, float]:
    """Return the metrics of all processes that this one has started, and of theirs, such as RDP's
    engines; empty if the system does not tell. Blocks as `used` does."""
    found, sizes = ["self"], list[int]()
    for process in found:
        try:
            for thread in (_PROC / process / "task").iterdir():
                found += (thread / "children").read_text().split()
            if process != "self":
                sizes.append(resident(process))
        except OSError:  # it has ended, or the system does not tell
            continue
        if len(found) > CHILDREN_MAX:
            break
    if not (_PROC / "self" / "task").exists():
        return {}
    return {
        "guacr_children": float(len(sizes)),
        "guacr_children_resident_memory_bytes": float(sum(sizes)),
    }
