"""Obtains and renews the certificate of the settings, as a service of the daemon."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar

from typing_extensions import override

from guacr.acme.client import AcmeError, obtain
from guacr.acme.port import ChallengePort
from guacr.acme.store import CANDIDATE, Attempts, Store
from guacr.errors import SettingsError
from guacr.net.certificates import DAY, Validity
from guacr.net.tls import TlsFiles, server_context
from guacr.services import Service, ServiceTask
from guacr.settings.acme import CERTIFICATE, AcmeSettings
from guacr.settings.models import Settings
from guacr.threads import apart

POLL = 60.0
"""Seconds between two looks whether a certificate is needed, and this process is to obtain it."""
RETRY_MIN, RETRY_MAX = 300.0, float(DAY)
"""Seconds after the first failure and at most; each failure doubles them. Let's Encrypt allows five
failures of a name in an hour."""
LIMITED = 3 * 3600.0
"""Seconds after a failure because of the server's limits, at least."""

log = logging.getLogger("guacr.acme")


class AcmeService(Service):
    """Of the daemons that share a store, one at a time obtains certificates and answers
    challenges: the one that has the store's lock. All of them notice a new certificate
    (`CertificateWatch`).

    Args:
        settings: the daemon's settings.
        on_obtained: called when there is a new certificate.
    """

    need_restart: ClassVar[tuple[str, ...]] = (
        "acme.directory_url",
        "acme.state_directory",
        "acme.http_hosts",
        "acme.http_port",
    )

    def __init__(self, settings: Settings, on_obtained: Callable[[], None]) -> None:
        self._settings = settings
        self._on_obtained = on_obtained
        self._store = Store(settings.acme.server_directory)
        self._port = ChallengePort(settings)
        self._task = ServiceTask("ACME")
        self._look = asyncio.Event()
        self._attempts = Attempts()
        """The outcome of those of this process: the disk may be full."""
        self._problem = ""
        """That of the certificate, which is logged once."""

    @property
    def port(self) -> int:
        """The port for challenges; 0 if another process answers them."""
        return self._port.port

    @override
    async def open(self) -> None:
        await asyncio.to_thread(self._store.open)
        if self._store.lock():
            await self._port.open()

    @override
    async def start(self) -> None:
        if self._store.lock():
            await self._port.start()
        self._task.start(self._run())

    @override
    def reload(self, settings: Settings) -> Callable[[], None]:
        def apply() -> None:
            self._settings = self._port.settings = settings
            self._look.set()

        return apply

    @override
    def stop(self) -> None:
        self._task.stop()
        self._port.stop()
        self._store.unlock()

    @override
    async def close(self) -> None:
        await self._task.close()
        await self._port.close()

    # ---- the task

    async def _run(self) -> None:
        while True:
            try:
                await self._check()
            except Exception:
                log.exception("the certificate cannot be looked after")
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self._look.wait()
            self._look.clear()

    async def _check(self) -> None:
        acme = self._settings.acme
        if acme.domains and await self._is_ours() and await asyncio.to_thread(self._is_due, acme):
            await self._obtain(acme)

    async def _is_ours(self) -> bool:
        """Return whether this process obtains certificates, maybe from now on."""
        if not await asyncio.to_thread(self._store.lock):
            return False
        if not self._port.port:  # the process that had the lock has ended
            try:
                await self._port.open()
            except SettingsError as error:
                log.warning("ACME's challenges cannot be answered: %s", error)
                self._store.unlock()
                return False
            await self._port.start()
        return True

    def _is_due(self, acme: AcmeSettings) -> bool:
        now = time.time()
        if not is_due(self._validity(acme), acme.domains, now):
            return False
        return now >= self._known_attempts(acme, now).not_before

    def _known_attempts(self, acme: AcmeSettings, now: float) -> Attempts:
        """Return the outcome of earlier attempts for the present domains. One whose pause is longer
        than any was noted while the clock was wrong."""
        known = (self._attempts, self._store.attempts)
        same = [
            one
            for one in known
            if one.domains == acme.domains and one.not_before - now <= RETRY_MAX
        ]
        return max(same, key=lambda one: one.not_before, default=Attempts(domains=acme.domains))

    def _validity(self, acme: AcmeSettings) -> Validity | None:
        path, problem = acme.certificate, ""
        try:
            validity = Validity.read(path)
            server_context(TlsFiles("acme", path))
            return validity
        except FileNotFoundError:
            pass
        except OSError as error:
            problem = f"{path} cannot be read: {error.strerror}"
        except ValueError:
            problem = f"{path} is damaged: it has no certificate"
        except SettingsError:
            problem = f"{path} is damaged: it has no key, or one that does not fit the certificate"
        if problem and problem != self._problem:
            log.warning("%s; a new certificate replaces it", problem)
        self._problem = problem
        return None

    async def _obtain(self, acme: AcmeSettings) -> None:
        names = ", ".join(acme.domains)
        answers = self._port.answers = {}
        try:
            await asyncio.to_thread(self._store.check_room)
            pem = await apart(lambda: obtain(acme, self._store, answers.__setitem__), "ACME")
            await asyncio.to_thread(self._keep, acme, pem)
        except (AcmeError, SettingsError) as error:
            limited = isinstance(error, AcmeError) and error.rate_limited
            not_before = await asyncio.to_thread(self._failed, acme, limited=limited)
            date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(not_before))
            log.warning("no certificate for %s: %s; the next attempt is at %s", names, error, date)
        except Exception:
            await asyncio.to_thread(self._failed, acme)
            raise
        else:
            log.info("there is a new certificate for %s", names)
            self._on_obtained()
        finally:
            answers.clear()

    def _keep(self, acme: AcmeSettings, pem: bytes) -> None:
        """Replace the certificate, if the new one can be used.

        Raises:
            SettingsError: it cannot be used.
        """
        self._store.write(CANDIDATE, pem)
        path = acme.server_directory / CANDIDATE
        try:
            server_context(TlsFiles("acme", path))
            if is_due(Validity.read(path), acme.domains, time.time()):
                raise SettingsError("the server's certificate has other names, or is not valid")
        finally:
            path.unlink()
        self._store.write(CERTIFICATE, pem)
        self._attempts = self._store.attempts = Attempts()

    def _failed(self, acme: AcmeSettings, *, limited: bool = False) -> float:
        """Note a failure; return when the next attempt is allowed, in seconds since 1970."""
        now = time.time()
        attempts = after_failure(self._known_attempts(acme, now), now, limited=limited)
        self._attempts = attempts
        try:
            self._store.attempts = attempts
        except OSError as error:
            log.warning("%s cannot be written to: %s", acme.server_directory, error.strerror)
        return attempts.not_before


def is_due(validity: Validity | None, domains: tuple[str, ...], now: float) -> bool:
    """Return whether a new certificate is needed: there is none, it does not have the domains, or
    less than a third of its life is left."""
    if validity is None or validity.names != frozenset(domains):
        return True
    return validity.end - now < (validity.end - validity.begin) / 3


def after_failure(attempts: Attempts, now: float, *, limited: bool = False) -> Attempts:
    """Return what is known after another failure, possibly because of the server's limits."""
    delay = min(RETRY_MAX, RETRY_MIN * 2.0 ** min(attempts.failures, 30))
    delay = max(delay, LIMITED) if limited else delay
    return replace(attempts, failures=attempts.failures + 1, not_before=now + delay)
