"""The command `guacr top`."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress

from guacr.cli.control import Load, add_place_arguments, client_of
from guacr.errors import SettingsError

INTERVAL_MIN, INTERVAL_MAX = 0.5, 3600.0
"""Seconds between two looks at the daemon."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--interval", type=_interval, default=2.0, metavar="SECONDS", help="seconds between updates"
    )
    add_place_arguments(parser)


def top(arguments: argparse.Namespace, load: Load) -> Iterator[str]:
    """Show the screen until its user leaves it; yield nothing.

    Raises:
        SettingsError: there is no terminal, or Textual is not installed.
    """
    client = client_of(arguments, load)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SettingsError("guacr top needs a terminal: use guacr sessions for programs")
    try:
        from guacr.cli.top.app import Top
    except ImportError as error:
        raise SettingsError(
            f"guacr top needs a library that is not installed ({error.name}): install guacr[top]"
        ) from error
    client.status()  # says what is wrong, before the screen
    screen = Top(client, arguments.interval)
    screen.run()
    if screen.ended_by is not None:
        signal.raise_signal(screen.ended_by)  # whoever has sent it sees that it has ended this
    yield from ()


def _interval(text: str) -> float:
    with suppress(ValueError):
        if INTERVAL_MIN <= (seconds := float(text)) <= INTERVAL_MAX:
            return seconds
    raise argparse.ArgumentTypeError(f"must be from {INTERVAL_MIN:g} to {INTERVAL_MAX:g} seconds")
