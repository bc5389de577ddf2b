"""Standard input, output and error of processes in the background."""

from __future__ import annotations

import os


def drop_standard_streams() -> None:
    """Replace them by /dev/null, so that whoever reads the output of the command that has started
    the daemon sees its end."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    if null > 2:
        os.close(null)
