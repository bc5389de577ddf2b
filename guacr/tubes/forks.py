"""Sockets that forked children do not keep: while one did, their ends would not reach the peers,
and their ports would stay in use.

Programs that are started do not inherit them anyway. A child of `os.fork` (or of `multiprocessing`)
has the numbers of the parent's sockets, with /dev/null behind them, so that objects which it has
inherited cannot close what the child opens later.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Descriptor(Protocol):
    """Has a file descriptor."""

    def fileno(self) -> int:
        """Return the descriptor, -1 once it is closed."""


_open: WeakSet[Descriptor] = WeakSet()


def keep_from_children(descriptor: Descriptor) -> None:
    """Do not leave a descriptor open in children, as long as it is open here."""
    _open.add(descriptor)


def _release() -> None:
    numbers = [one.fileno() for one in _open]
    _open.clear()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in numbers:
        if number >= 0:
            os.dup2(nothing, number, inheritable=False)
    os.close(nothing)


os.register_at_fork(after_in_child=_release)
