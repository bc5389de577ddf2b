"""Set-up for every test: fonts, the number of processes, the measure of turns, and guards against
leaks and a held event loop."""

import os
from pathlib import Path

os.environ["FONTCONFIG_FILE"] = str(Path(__file__).parent / "support" / "fonts.conf")

pytest_plugins = ("tests.support.guarding", "tests.support.turns")


def pytest_xdist_auto_num_workers() -> int:
    """Start three processes for two processors, since many tests wait for browsers and servers."""
    return (os.cpu_count() or 2) * 3 // 2
