"""The data that the front gives to a zygote, in memory that both share."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass

from guacr.access.keys import ProcessKeys
from guacr.errors import SettingsError
from guacr.settings.commands import RESOLVED
from guacr.settings.models import Settings

VERSION = 1
"""The version of the messages between processes. After an update, a front of the old version has
workers of the new one; if the versions differ, the daemon needs a restart."""


@dataclass(frozen=True, slots=True)
class Boot:
    """The data that a generation of workers is started with."""

    settings: Settings
    """Of the daemon; `guacr.workers.shares` says what each worker gets."""
    keys: ProcessKeys
    workers: int
    """The number of workers that share what the settings allow."""
    to_syslog: bool = False

    def write(self) -> int:
        """Write it to anonymous memory, and return the descriptor.

        Raises:
            OSError: the system has no memory or no descriptor for it.
        """
        values = {
            "version": VERSION,
            "settings": self.settings.model_dump(),
            "keys": self.keys,
            "workers": self.workers,
            "to_syslog": self.to_syslog,
        }
        with os.fdopen(os.memfd_create("guacr"), "wb", closefd=False) as file:
            pickle.dump(values, file)
            return file.fileno()

    @classmethod
    def read(cls, descriptor: int) -> Boot:
        """Read what `write` has written, and close the descriptor.

        Raises:
            SettingsError: it was written by a version of guacr that does not fit.
        """
        with os.fdopen(descriptor, "rb") as file:
            file.seek(0)
            values = pickle.load(file)  # noqa: S301 - of the process that has started this one
        if values.pop("version") != VERSION:
            raise SettingsError("guacr was updated to a version that needs a restart")
        settings = Settings.model_validate(values["settings"], context=RESOLVED)
        return cls(**{**values, "settings": settings})
