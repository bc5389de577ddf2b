"""A clock of the day that can be set wrong for one process and its children."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")


class Clock:
    """The clock.

    Args:
        place: a directory for its files.

    Raises:
        FileNotFoundError: there is no compiler.
        subprocess.CalledProcessError: it fails.
    """

    def __init__(self, place: Path) -> None:
        compiler = shutil.which("gcc") or "cc"
        library = place / "clock.so"
        subprocess.run(
            [compiler, "-O2", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True
        )
        self._file = place / "clock"
        self.set(0)
        self.environment = {"LD_PRELOAD": str(library), "GUACR_SOAK_CLOCK": str(self._file)}
        """What the process needs in its environment."""

    def set(self, seconds: int) -> None:
        """Be wrong by so many seconds from now on."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("=q", seconds))
