"""The options of a journal, made from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from guacr.journal.archive import Archive, Retention
from guacr.journal.encoding import Encoding, encoding
from guacr.journal.object_store import ObjectStore
from guacr.journal.stores import LocalStore, Store
from guacr.journal.writer import Limits
from guacr.settings.models import Settings

AUDIT, RECORDING = "audit", "recording"
"""The kinds of streams, which have an archive each."""
ARCHIVE = "archive"
"""The directory of the archive, unless it has another store."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options with which a journal is written and archived."""

    directory: Path
    node: str
    """The name of this daemon in the store."""
    limits: Limits = field(default_factory=Limits)
    encoding: Encoding = field(default_factory=Encoding)
    retention: Mapping[str, Retention] = field(default_factory=dict)
    """For each kind."""
    store: Store | None = None
    """By default, a folder of the directory."""
    waiting_max: int = 4 * 1024 * 1024 * 1024
    """Maximum bytes of files that the store has not accepted yet."""
    free_min: int = 0
    """Bytes that must stay free on the disk, except for records that must not be refused."""

    def archive(self, kind: str) -> Archive:
        """Return the archive of a kind."""
        return Archive(self.store or LocalStore(self.directory / ARCHIVE), self.node, kind)


def options_of(settings: Settings) -> Options | None:
    """Return the options, or None if there is no journal. This may load a library.

    Raises:
        SettingsError: a library is not installed, or a setting cannot be used.
    """
    journal, audit = settings.journal, settings.audit
    if journal.directory is None:
        return None
    return Options(
        directory=journal.directory,
        node=journal.node_name,
        limits=Limits(journal.segment_size, journal.seconds, journal.sync_interval),
        encoding=encoding(compress=journal.compress, recipients=journal.recipients),
        retention={
            AUDIT: Retention(audit.days, audit.size),
            RECORDING: Retention(journal.recordings_days, journal.recordings_size),
        },
        store=ObjectStore(journal.store, journal.store_options) if journal.store else None,
        waiting_max=journal.max_waiting,
        free_min=journal.min_free_disk,
    )
