"""What the daemon uses, with all its processes, and whether that grows."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.soak.faults import tree

FACTOR = 1.15
"""By which the last quarter may exceed the second one."""
MOMENTS_MIN = 12
"""Below this, a quarter is one or two moments, which say more about which sessions ran than about
growth: one of RDP has forty files."""
ROOM_MEMORY, ROOM_COUNT = 16.0, 16
"""MB and numbers that are allowed in addition: sessions differ."""


@dataclass(frozen=True, slots=True)
class Usage:
    """A moment."""

    memory: float
    """MB; what processes share is counted once."""
    targets: Counter[str]
    """The number of open files for each kind of target."""
    threads: int
    processes: int

    @property
    def files(self) -> int:
        """The number of open files."""
        return self.targets.total()

    @classmethod
    def of(cls, daemon: int) -> Usage:
        """Measure."""
        memory, threads = 0.0, 0
        targets = Counter[str]()
        pids = tree(daemon)
        for pid in pids:
            with suppress(OSError):
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                memory += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
                targets.update(map(_kind, Path(f"/proc/{pid}/fd").iterdir()))
                threads += sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())
        return cls(memory / 1024, targets, threads, len(pids))


def _kind(descriptor: Path) -> str:
    """Return what a descriptor leads to, without numbers that differ each time."""
    try:
        return re.sub(r"\d+", "N", str(descriptor.readlink()))
    except OSError:
        return "closed meanwhile"


def growth(moments: Sequence[Usage]) -> list[str]:
    """Return what has grown from the second quarter of the time to the last; empty if nothing has,
    or if there are too few moments to tell.

    The last quarter's median is compared with the second one's upper quartile, since sessions of
    different kinds, which use differently much, run at different moments.
    """
    if len(moments) < MOMENTS_MIN:
        return []
    quarter = len(moments) // 4
    grown = []
    for name, room in (("memory", ROOM_MEMORY), ("files", ROOM_COUNT), ("threads", ROOM_COUNT)):
        earlier = [getattr(one, name) for one in moments[quarter : 2 * quarter]]
        before = statistics.quantiles(earlier, n=4)[-1]
        after = statistics.median(getattr(one, name) for one in moments[-quarter:])
        if after > before * FACTOR + room:
            grown.append(f"{name} from {before:.0f} to {after:.0f}")
    return grown
