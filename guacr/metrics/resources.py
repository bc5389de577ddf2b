"""Processor time, memory and files that this process uses."""

from __future__ import annotations

import resource
import time
from pathlib import Path

from guacr.net.open_files import open_files

_STARTED = time.time() - time.process_time()
"""About the start of the process, where the system does not say it: when this was imported."""
_STATM = Path("/proc/self/statm")
_FILES = Path("/proc/self/fd")


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
        pages = int(_STATM.read_text().split()[1])
        values["process_resident_memory_bytes"] = float(pages * resource.getpagesize())
        files = sum(1 for _ in _FILES.iterdir())
        values["process_open_fds"] = float(files - 1)  # one of them is the directory
    except OSError:  # a system without /proc
        pass
    return values
