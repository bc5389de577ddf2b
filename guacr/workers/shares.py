"""The share of each worker in what the settings allow for the whole daemon."""

from __future__ import annotations

import os
import platform
from math import ceil

from guacr.errors import SettingsError
from guacr.settings.models import DatabaseSettings, Settings

SYSTEM = "Linux"


def worker_count(workers: int) -> int:
    """Return the number of workers for a value of `daemon.workers`.

    Raises:
        SettingsError: this system can only run one process.
    """
    if platform.system() != SYSTEM:
        if workers > 1:
            raise SettingsError(f"daemon.workers above 1 needs {SYSTEM}: set it to 1")
        return 1
    return workers or processors()


def processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share_of(settings: Settings, workers: int) -> Settings:
    """Return the settings of one of several workers: threads and memory are divided, and rounded
    up."""
    databases, display, webrtc = settings.databases, settings.display, settings.webrtc
    threads = display.encoder_threads or processors()
    least = DatabaseSettings.model_fields["sqlite_memory"].metadata
    smallest = next(bound.ge for bound in least if hasattr(bound, "ge"))
    return settings.model_copy(
        update={
            "display": display.model_copy(
                update={"encoder_threads": max(1, ceil(threads / workers))}
            ),
            "databases": databases.model_copy(
                update={
                    "max_threads": ceil(databases.max_threads / workers),
                    "sqlite_memory": max(smallest, ceil(databases.sqlite_memory / workers)),
                }
            ),
            "webrtc": webrtc.model_copy(update={"max_tubes": ceil(webrtc.max_tubes / workers)}),
        }
    )
