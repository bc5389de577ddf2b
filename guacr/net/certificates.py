"""The expiry of the listeners' certificates: in the log, and as a number."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from typing_extensions import override

from guacr.net.tls import TlsFiles
from guacr.services import Service
from guacr.settings.models import Settings

SECTIONS = ("server", "websocket", "control")
"""The sections whose listeners may use TLS."""
PEM_MAX = 1 << 20
"""Maximum bytes of a file with certificates."""
DAY = 86_400
EVERY = DAY
"""Seconds between two log lines about the same certificate."""
SOON = 14 * DAY
"""Seconds before the expiry when a certificate should have been replaced; never more than a fifth
of its life, for those that are only valid for some days."""

log = logging.getLogger("guacr.certificates")


@dataclass(frozen=True, slots=True)
class Validity:
    """The first and the last second of a certificate's validity, since 1970."""

    begin: float
    end: float

    @classmethod
    def read(cls, path: Path) -> Validity:
        """Return that of the first certificate in a PEM file.

        Raises:
            OSError: the file cannot be read.
            ValueError: it begins with no certificate.
        """
        with path.open("rb") as file:
            certificate = x509.load_pem_x509_certificate(file.read(PEM_MAX))
        return cls(
            certificate.not_valid_before_utc.timestamp(),
            certificate.not_valid_after_utc.timestamp(),
        )

    def is_soon_over(self, now: float) -> bool:
        """Return whether the certificate should have been replaced by now."""
        return self.end - now < min(SOON, (self.end - self.begin) / 5)


class CertificateWatch(Service):
    """Logs when the certificates of the listeners expire: at the start, after a reload, and once a
    day. Nothing waits for it, because it reads files."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._task: asyncio.Task[None] | None = None
        self._known: dict[str, Validity] = {}

    def seconds_left(self) -> dict[str, float]:
        """Return the seconds until the certificate of each section with TLS expires; below zero
        afterwards."""
        now = time.time()
        return {section: validity.end - now for section, validity in self._known.items()}

    @override
    async def start(self) -> None:
        self.look()

    @override
    def reload(self, settings: Settings) -> Callable[[], None]:
        def apply() -> None:
            self._settings = settings
            self.look()

        return apply

    @override
    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    @override
    async def close(self) -> None:
        if self._task is not None:
            with suppress(asyncio.CancelledError):
                await self._task

    def look(self) -> None:
        """Look at the files now, and then once a day."""
        self.stop()
        self._task = asyncio.create_task(self._run(self._settings), name="certificates")

    async def _run(self, settings: Settings) -> None:
        while True:
            self._known = await asyncio.to_thread(_read, settings)
            for line, level in _lines(self._known, time.time()):
                log.log(level, "%s", line)
            await asyncio.sleep(EVERY)


def _read(settings: Settings) -> dict[str, Validity]:
    known: dict[str, Validity] = {}
    for section in SECTIONS:
        files = TlsFiles.of(settings, section)
        if files is not None:
            try:
                known[section] = Validity.read(files.certificate)
            except (OSError, ValueError) as error:
                log.warning("%s cannot be read: %s", files.certificate, error)
    return known


def _lines(known: dict[str, Validity], now: float) -> Iterable[tuple[str, int]]:
    """Yield a sentence about each certificate, with the level for the log."""
    for section, validity in known.items():
        date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(validity.end))
        subject = f"the certificate of {section}"
        if validity.end <= now:
            yield f"{subject} expired on {date}: clients refuse it; replace it", logging.ERROR
        elif validity.begin > now:
            yield f"{subject} is not valid yet: check the clock of this machine", logging.ERROR
        elif validity.is_soon_over(now):
            days = (validity.end - now) / DAY
            yield f"{subject} expires in {days:.1f} days, on {date}: replace it", logging.WARNING
        else:
            yield f"{subject} is valid until {date}", logging.INFO
