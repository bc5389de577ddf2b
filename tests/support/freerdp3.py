"""FreeRDP 3 beside the version of the system, with a Python that can load it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

PYTHON = Path(sys.prefix, "freerdp3", "python3")
"""Where `make test` puts it."""


def python_with_freerdp3() -> Path:
    """The path of a Python, of the standard library only, that loads FreeRDP 3. Where its packages
    cannot be had, which are those of another release, the test is skipped, in CI as well."""
    if not PYTHON.exists():
        pytest.skip("FreeRDP 3 is not unpacked: .ci/freerdp3 does that where Debian packages are")
    return PYTHON
