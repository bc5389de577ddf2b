"""The expiry of the listeners' certificates: in the log, and as a number."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from typing_extensions import override

from guacr.net.tls import TlsFiles
from guacr.services import TaskService
from guacr.settings.models import Settings

SECTIONS = ("server", "websocket", "control")
"""The sections whose listeners may use TLS."""
PEM_MAX = 1 << 20
"""Maximum bytes of a file with certificates."""
DAY = 86_400
EVERY = DAY
"""Seconds between two log lines about the same certificate."""
POLL = 2.0
"""Seconds between two looks whether ACME's certificate has changed."""
SOON = 14 * DAY
"""Seconds before the expiry when a certificate should have been replaced; never more than a fifth
of its life, for those that are only valid for some days."""

log = logging.getLogger("guacr.certificates")


@dataclass(frozen=True, slots=True)
class Validity:
    """The first and the last second of a certificate's validity, since 1970, and its host
    names."""

    begin: float
    end: float
    names: frozenset[str] = frozenset()

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
            _names(certificate),
        )

    @property
    def last(self) -> str:
        """The end, as text for the log."""
        return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(self.end))

    def is_soon_over(self, now: float) -> bool:
        """Return whether the certificate should have been replaced by now."""
        return self.end - now < min(SOON, (self.end - self.begin) / 5)


class CertificateWatch(TaskService):
    """Logs when the certificates of the listeners expire: at the start, after a reload, and once a
    day; and notices a new certificate of ACME, whichever process has obtained it. Nothing waits for
    it, because it reads files.

    Args:
        settings: the daemon's settings.
        on_renewed: called when ACME's certificate has changed.
        quiet: True if another process writes the lines of the log.
    """

    def __init__(
        self,
        settings: Settings,
        on_renewed: Callable[[], None] = lambda: None,
        *,
        quiet: bool = False,
    ) -> None:
        super().__init__(settings, "certificates")
        self._on_renewed = on_renewed
        self._quiet = quiet
        self._known: dict[str, Validity] = {}
        self._changed = 0
        """The time of ACME's certificate that the listeners use."""

    def seconds_left(self) -> dict[str, float]:
        """Return the seconds until the certificate of each section with TLS expires; below zero
        afterwards."""
        now = time.time()
        return {section: validity.end - now for section, validity in self._known.items()}

    @override
    async def open(self) -> None:
        self._changed = await asyncio.to_thread(_changed, self._settings)

    @override
    def begin(self) -> None:
        """Look at the files now, and then regularly."""
        self._task.start(self._run(self._settings))

    async def _run(self, settings: Settings) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._notice(settings)
            self._known = await asyncio.to_thread(_read, settings, quiet=self._quiet)
            if not self._quiet:
                for line, level in _lines(self._known, time.time()):
                    log.log(level, "%s", line)
            due = loop.time() + EVERY
            while loop.time() < due and not await self._notice(settings):  # noqa: ASYNC110 - files
                await asyncio.sleep(POLL if settings.acme.domains else EVERY)

    async def _notice(self, settings: Settings) -> bool:
        """Return whether ACME's certificate has changed; if so, report it."""
        changed = await asyncio.to_thread(_changed, settings)
        if changed == self._changed:
            return False
        self._changed = changed
        self._on_renewed()
        return True


def _names(certificate: x509.Certificate) -> frozenset[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(names.value.get_values_for_type(x509.DNSName))


def _changed(settings: Settings) -> int:
    """Return the time of the last change of ACME's certificate, in nanoseconds since 1970; 0
    without one."""
    if not settings.acme.domains:
        return 0
    try:
        return settings.acme.certificate.stat().st_mtime_ns
    except OSError:
        return 0


def _read(settings: Settings, *, quiet: bool = False) -> dict[str, Validity]:
    known: dict[str, Validity] = {}
    for section in SECTIONS:
        files = TlsFiles.of(settings, section)
        if files is not None and not files.is_pending:
            try:
                known[section] = Validity.read(files.certificate)
            except (OSError, ValueError) as error:
                if not quiet:
                    log.warning("%s cannot be read: %s", files.certificate, error)
    return known


def remarks(settings: Settings) -> list[str]:
    """Return a sentence about each certificate that clients refuse, or will soon; blocks."""
    known = _read(settings, quiet=True)
    return [line for line, level in _lines(known, time.time()) if level > logging.INFO]


def _lines(known: dict[str, Validity], now: float) -> Iterable[tuple[str, int]]:
    """Yield a sentence about each certificate, with the level for the log."""
    for section, validity in known.items():
        subject, date = f"the certificate of {section}", validity.last
        if validity.end <= now:
            yield (
                f"{subject} expired on {date}: clients refuse it; replace it",
                logging.ERROR,
            )
        elif validity.begin > now:
            yield f"{subject} is not valid yet: check the clock of this machine", logging.ERROR
        elif validity.is_soon_over(now):
            days = (validity.end - now) / DAY
            yield (
                f"{subject} expires in {days:.1f} days, on {date}: replace it",
                logging.WARNING,
            )
        else:
            yield f"{subject} is valid until {date}", logging.INFO
