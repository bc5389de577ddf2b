"""FreeRDP 3 beside the version of the system, with a Python that can load it."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.require import missing

PYTHON = Path(sys.prefix, "freerdp3", "python3")
"""Where `make test` puts it."""


def python_with_freerdp3() -> Path:
    """The path of a Python, of the standard library only, that loads FreeRDP 3."""
    if not PYTHON.exists():
        missing("FreeRDP 3 is not unpacked: .ci/freerdp3 does that where Debian packages are")
    return PYTHON
