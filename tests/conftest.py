"""Set-up for every test: fonts, signals, the number of processes, the examples of property tests,
the measure of turns, and guards against leaks and a held event loop."""

import os
import signal
from pathlib import Path

import hypothesis

os.environ["FONTCONFIG_FILE"] = str(Path(__file__).parent / "support" / "fonts.conf")

pytest_plugins = ("tests.support.guarding", "tests.support.turns")

hypothesis.settings.load_profile("ci")  # the same examples every time, without deadlines

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell's job in the background; programs that tests start would not end by Ctrl-C either
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """Start six processes for two processors, since most of the time, tests wait for browsers and
    servers."""
    return (os.cpu_count() or 2) * 3
