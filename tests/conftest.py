"""Set-up for every test: fonts, signals, an empty home, the number of processes, the examples of
property tests, the measure of turns, and guards against leaks and a held event loop.

Programs that tests start would read files of whoever runs them, such as those of shells, X clients,
SSH and databases: their home is empty.
"""

import os
import signal
import tempfile
from asyncio import AbstractEventLoop
from pathlib import Path

import hypothesis

from guacr.event_loop import PlainLoop

os.environ["FONTCONFIG_FILE"] = str(Path(__file__).parent / "support" / "fonts.conf")

_home = tempfile.TemporaryDirectory(prefix="guacr-home-", ignore_cleanup_errors=True)
os.environ["HOME"] = _home.name
for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
    os.environ.pop(name, None)

pytest_plugins = ("tests.support.guarding", "tests.support.turns")

# The same examples every time, without deadlines; what is random is the task of the fuzz targets.
hypothesis.settings.register_profile(
    "ci", parent=hypothesis.settings.get_profile("ci"), max_examples=50
)
hypothesis.settings.load_profile("ci")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell's job in the background; programs that tests start would not end by Ctrl-C either
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure() -> None:
    """Remove the empty home, with what programs have put there."""
    _home.cleanup()


def pytest_asyncio_loop_factories() -> dict[str, type[AbstractEventLoop]]:
    """Run tests on the daemon's event loop without uvloop, whose time tests can change."""
    return {"guacr": PlainLoop}


def pytest_xdist_auto_num_workers() -> int:
    """Start six processes for two processors, since most of the time, tests wait for browsers and
    servers."""
    return (os.cpu_count() or 2) * 3
