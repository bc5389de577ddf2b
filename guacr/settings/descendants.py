"""The descendants of a process, as far as their parents are alive."""

from __future__ import annotations

import os
import signal
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")


class Descendants:
    """The descendants that a process has now, held by descriptors: a signal cannot reach another
    process that gets the id of one that has ended. None without Linux's /proc.

    One whose parent has ended is not found, since the system gives it another one.
    """

    def __init__(self, pid: int) -> None:
        children: defaultdict[int, list[int]] = defaultdict(list)
        for entry in _PROC.glob("[0-9]*"):
            children[_parent(int(entry.name))].append(int(entry.name))
        self._processes: list[int] = []
        parents = [pid]
        while parents:
            parent = parents.pop()
            found = [child for child in children[parent] if self._hold(child, parent)]
            parents += found

    def _hold(self, pid: int, parent: int) -> bool:
        try:
            process = os.pidfd_open(pid)
        except OSError:  # it has ended; or there are no more descriptors
            return False
        if _parent(pid) != parent:
            os.close(process)
            return False
        self._processes.append(process)
        return True

    def kill(self) -> None:
        """Kill them, except those of other accounts; called once."""
        for process in self._processes:
            with suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(process, signal.SIGKILL)
            os.close(process)
        self._processes.clear()


def _parent(pid: int) -> int:
    """Return the parent of a process; 0 if there is none (proc(5))."""
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:  # it has ended
        return 0
    return int(stat.rpartition(b") ")[2].split()[1])
