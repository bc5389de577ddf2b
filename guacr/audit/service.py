"""The service of the journal: opens it, has the audit log written, and closes it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from typing_extensions import override

from guacr import refusals
from guacr.audit.auditor import Auditor
from guacr.errors import SettingsError
from guacr.journal.journal import Journal
from guacr.journal.manifest import Entry
from guacr.journal.options import options_of
from guacr.journal.sealer import OnExpired
from guacr.journal.writer import Notify
from guacr.services import Service
from guacr.session.events import Expired, Refused, utc
from guacr.session.registry import SessionRegistry
from guacr.settings.models import Settings

CLOSE_TIMEOUT = 10.0
"""Seconds that writing and archiving may take at the end; the next start does the rest."""

log = logging.getLogger("guacr.journal")


class JournalService(Service):
    """The journal of a daemon, and its audit log."""

    need_restart = (
        "journal.directory",
        "journal.node",
        "journal.sync_interval",
        "journal.segment_size",
        "journal.segment_seconds",
        "journal.store",
        "journal.store_options",
        "journal.max_waiting",
        "journal.min_free_disk",
        "journal.compress",
        "journal.recipients",
        "journal.recordings_days",
        "journal.recordings_size",
        "audit.enabled",
        "audit.days",
        "audit.size",
    )

    def __init__(self, settings: Settings, registry: SessionRegistry) -> None:
        self._settings = settings
        self._registry = registry
        self.journal: Journal | None = None
        """None if there is none, or before `open`."""
        self._auditor: Auditor | None = None
        self._failures = 0
        self._early: list[Expired] | None = []
        """Deletions before there was an auditor."""

    @property
    def failures(self) -> int:
        """The number of times that the journal could not be written."""
        return self._failures if self.journal is None else self.journal.failures

    @override
    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        notify = loop.call_soon_threadsafe
        expired = partial(_report, notify, self._expired)
        self.journal = await asyncio.to_thread(_open, self._settings, notify, expired)
        if self.journal is not None and self._settings.audit.enabled:
            self._auditor = Auditor(self.journal, self._registry, self._settings.audit)
            self._registry.events.observer = self._auditor
            refusals.observers.append(self._refused)
        early, self._early = self._early, None
        for event in early or ():
            self._expired(event)

    @override
    async def start(self) -> None:
        """Do nothing: the journal is open."""

    @override
    def reload(self, settings: Settings) -> Callable[[], None]:
        def apply() -> None:
            if self._auditor is not None:
                self._auditor.settings = settings.audit

        return apply

    @override
    async def close(self) -> None:
        if self._auditor is not None:
            refusals.observers.remove(self._refused)
            self._registry.events.observer = None
            await self._auditor.close()
            self._auditor = None
        if self.journal is not None:
            journal, self.journal = self.journal, None
            if not await asyncio.to_thread(journal.close, CLOSE_TIMEOUT):
                log.warning("the journal is not archived completely: the next start does the rest")
            self._failures = journal.failures

    def _refused(self, peer: str, reason: str) -> None:
        self._registry.events.publish(Refused(peer, reason))

    def _expired(self, event: Expired) -> None:
        if self._early is None:
            self._registry.events.publish(event)
        else:
            self._early.append(event)


def _report(
    notify: Notify, expired: Callable[[Expired], None], kind: str, entries: Sequence[Entry]
) -> None:
    """Have an event about the deleted files of an archive published."""
    event = Expired(
        f"archive {kind}",
        len(entries),
        sum(entry.size for entry in entries),
        utc(min(entry.begin for entry in entries) / 1e9),
        utc(max(entry.end for entry in entries) / 1e9),
    )
    with suppress(RuntimeError):  # the event loop is closed
        notify(partial(expired, event))


def _open(settings: Settings, notify: Notify, expired: OnExpired) -> Journal | None:
    options = options_of(settings)
    if options is None:
        return None
    try:
        return Journal(options, notify, expired)
    except OSError as error:
        raise SettingsError(
            f"journal.directory {options.directory} cannot be used: {error.strerror}: let the "
            "daemon's account write to it, or name another one"
        ) from error
