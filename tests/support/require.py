"""Programs that tests need: without them, tests are skipped; with CI=true, they fail."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


def require(*programs: str) -> Path:
    """The path of the first of these programs that is installed."""
    path = next(filter(None, map(shutil.which, programs)), None)
    if path is None:
        missing(f"{' or '.join(programs)} is not installed")
    return Path(str(path))


def missing(what: str) -> None:
    """Skip the test, or fail it where everything must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}, and CI=true leaves no test out", pytrace=False)
    pytest.skip(what)
