"""The daemon: its sessions, its services, and its orderly end."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from guacr.access.keys import ProcessKeys
from guacr.acme import acme_service
from guacr.audit.service import JournalService
from guacr.config_check import find
from guacr.connection_check import ConnectionCheck
from guacr.control.control import Control
from guacr.control.local import LocalControl
from guacr.errors import SettingsError
from guacr.limits.ledger import Ledger, LocalLedger
from guacr.limits.limiter import limit_sessions
from guacr.loop_lag import LoopLag
from guacr.metrics.local import LocalMetrics
from guacr.metrics.service import MetricsService
from guacr.net.certificates import CertificateWatch
from guacr.net.connection_limits import ConnectionLimits, connections_for
from guacr.net.handover import Adopted, Handover, Port
from guacr.net.open_files import open_files, out_of_files
from guacr.net.service import TcpService
from guacr.net.tls import Contexts
from guacr.operators.service import OperatorService
from guacr.recording.service import RetentionService
from guacr.recording.session_recording import session_recording
from guacr.services import Service
from guacr.session.ids import own_name
from guacr.session.protocols import Protocols
from guacr.session.registry import SessionRegistry
from guacr.settings.models import Settings
from guacr.telemetry.service import TelemetryService
from guacr.threads import apart, waiting_threads
from guacr.ticker import Ticker
from guacr.web.app import create_app
from guacr.web.service import WebService

if TYPE_CHECKING:
    from guacr.acme.service import AcmeService
    from guacr.tubes.service.service import TubeService

NEED_RESTART = (
    "server.protocols",
    "display.encoder_threads",
    "databases.sqlite_memory",
    "daemon.pid_file",
    "daemon.workers",
    "webrtc.enabled",
)
"""Settings that need a restart, in addition to those of the services."""
ON_OR_OFF = (
    "server.tls_certificate",
    "websocket.tls_certificate",
    "control.tls_certificate",
    "control.tls_client_ca",
    "acme.domains",
)
"""Settings that need a restart to switch something on or off; other changes of them do not."""

GUACAMOLE, WEB = "guacamole", "web"
"""The ports that clients connect to, as metrics name them."""

WARNINGS_TIMEOUT = 8.0
"""Seconds in which new settings must be checked."""

log = logging.getLogger("guacr.daemon")


class Daemon:
    """Serves according to the settings, from `start` until `close`.

    Args:
        settings: for everything that starts before `reload`.
        secret: if set, the page requires it.
        protocols: by default, the installed ones.
        keys: by default, generated for this process.
        handover: of a worker, which does not listen: the front accepts its clients.
        ledger: by default, that of a single process.
        whole: controls the daemon of which this is a worker; by default, this is all of it.
        checks_connections: true to log problems of the configured connections.
        contexts: of TLS, to begin with; by default, they are read from the files.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        secret: str | None = None,
        protocols: Protocols | None = None,
        keys: ProcessKeys | None = None,
        handover: Handover | None = None,
        ledger: Ledger | None = None,
        whole: Control | None = None,
        checks_connections: bool = True,
        contexts: Contexts | None = None,
    ) -> None:
        self.settings = self._started_with = settings
        threads = settings.display.encoder_threads or os.cpu_count() or 1
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="encoder")
        self.registry = registry = SessionRegistry(
            protocols or Protocols(offered=settings.server.protocols), settings, self._executor
        )
        self._journal = JournalService(settings, registry)
        self.ledger = ledger or LocalLedger()
        """The counts behind limits."""
        limit_sessions(registry, self.ledger)
        recording = session_recording(registry.events, lambda: self._journal.journal)
        registry.extensions.append(recording)
        own_keys = keys or ProcessKeys.generate()
        tubes = tube_service(settings) if settings.webrtc.enabled else None
        most = settings.server.max_connections or connections_for(open_files())
        waiting = settings.server.max_waiting
        limits = {GUACAMOLE: ConnectionLimits(most, waiting), WEB: ConnectionLimits(most, waiting)}
        self._tubes = tubes
        self._tcp = TcpService(settings, registry, limits[GUACAMOLE], handover, contexts)
        self._web = WebService(
            settings,
            lambda: create_app(
                settings,
                registry,
                registry.protocols,
                own_keys,
                self.control,
                secret=secret,
                signalling=None if tubes is None else tubes.serve,
                handover=handover,
                operators=self._operators.page_api() if settings.control.page else None,
            ),
            limits[WEB],
            listens=handover is None,
            contexts=contexts,
        )
        loop_lag = LoopLag()
        self.control = LocalControl(registry, lambda: loop_lag.recent, own_name())
        """The core of the interfaces for operators."""
        self.certificates = CertificateWatch(settings, self._renewed, quiet=handover is not None)
        self.acme: AcmeService | None = None
        self.control.checks += [out_of_files, *(one.full for one in limits.values())]
        self.control.sample = LocalMetrics(
            registry, limits, loop_lag, self.certificates, lambda: self._journal.failures
        ).snapshot
        self._services: list[Service] = [self._tcp, self._web, Ticker(registry), loop_lag]
        self._services.append(self.certificates)
        if checks_connections:
            self._services.append(ConnectionCheck(settings, registry.protocols))
        self._metrics = MetricsService(settings, self.control)
        self._operators = OperatorService(settings, whole or self.control, own_keys)
        if handover is None:  # otherwise the front has these
            self._services += [self._metrics, self._operators]
            self._services.append(RetentionService(settings, self.control.note))
            if settings.acme.domains:
                self.acme = acme_service(settings, self.certificates.begin)
                self._services.append(self.acme)
        self._services.append(TelemetryService(settings, registry, self.control.sample))
        if tubes is not None:
            self._services.append(tubes)
        self._services.append(self._journal)  # closed last, when everything has been reported

    @property
    def tubes(self) -> int:
        """The WebRTC connections that are open."""
        return 0 if self._tubes is None else self._tubes.tubes

    @property
    def is_idle(self) -> bool:
        """True if there are no sessions, and no WebRTC connections."""
        return self.registry.is_empty and not self.tubes

    def drain(self) -> None:
        """Keep no connection of HTTP open for further requests: this worker ends after its last
        session."""
        self._web.drain()

    async def adopt(self, port: Port, client: Adopted) -> None:
        """Serve a client that the front has accepted."""
        await (self._tcp if port == "tcp" else self._web).adopt(client)

    @property
    def port(self) -> int:
        """The TCP port of the Guacamole protocol."""
        return self._tcp.port

    @property
    def web_port(self) -> int:
        """The port of the page and of WebSocket."""
        return self._web.port

    @property
    def metrics_port(self) -> int:
        """The port of metrics and probes."""
        return self._metrics.port

    @property
    def control_port(self) -> int:
        """The port of operators' HTTP."""
        return self._operators.port

    @property
    def grpc_port(self) -> int:
        """The port of operators' gRPC."""
        return self._operators.grpc_port

    async def start(self) -> None:
        """Start to serve.

        Raises:
            SettingsError: an address, a port or a file in the settings cannot be used.
        """
        asyncio.get_running_loop().set_default_executor(waiting_threads())
        try:
            for service in self._services:
                await service.open()
            with self.control.starting():
                for service in self._services:
                    if service.starts_early:
                        await service.start()
                await asyncio.to_thread(self.registry.protocols.warm_up, self.settings)
                for service in self._services:
                    if not service.starts_early:
                        await service.start()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop listening, end every session, and wait (bounded) until everything is cleaned up.

        Ports and paths are released at once, so that a new daemon can start in the meantime.
        """
        for service in self._services:
            with _logged_failure(service):
                service.stop()
        await self.registry.close()
        for service in self._services:
            with _logged_failure(service):
                await service.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def apply(self, settings: Settings) -> list[str]:
        """Do what `reload` does, with the interface of `guacr.workers.front.Front`."""
        return self.reload(settings)

    def reload(self, settings: Settings) -> list[str]:
        """Apply new settings to everything that starts from now on; return the names of those that
        differ from the ones at the start and need a restart.

        Raises:
            SettingsError: the files for TLS cannot be used; nothing is changed.
        """
        changes = [service.reload(settings) for service in self._services]
        before = self._started_with
        self.settings = self.registry.settings = settings
        for apply in changes:
            apply()
        names = [*NEED_RESTART, *(name for one in self._services for name in one.need_restart)]
        late = [name for name in names if _value(before, name) != _value(settings, name)]
        return late + [
            name for name in ON_OR_OFF if bool(_value(before, name)) != bool(_value(settings, name))
        ]

    async def warnings(self) -> list[str]:
        """Return what the present settings ask for in vain, a sentence each."""
        settings, protocols = self.settings, self.registry.protocols
        try:
            # a thread of its own: files may be on a disk that hangs
            async with asyncio.timeout(WARNINGS_TIMEOUT):
                found = await apart(lambda: find(settings, protocols), "check of the settings")
        except TimeoutError:
            return [f"the settings could not be checked within {WARNINGS_TIMEOUT:g} s"]
        return [*found.problems, *found.remarks]

    def _renewed(self) -> None:
        """Use the new certificate of ACME."""
        try:
            self._tcp.renew_certificate()
            self._web.renew_certificate()
        except SettingsError as error:
            log.warning("the new certificate is not used: %s", error)


def tube_service(settings: Settings) -> TubeService:
    """Create the service of tubes, whose modules are not loaded without it.

    Raises:
        SettingsError: they are not installed, or a setting cannot be used.
    """
    try:
        from guacr.tubes.service.service import TubeService
    except ImportError as error:
        raise SettingsError(
            f"webrtc.enabled needs a library that is not installed ({error.name}): install "
            "guacr[webrtc]"
        ) from error
    return TubeService(settings)


@contextmanager
def _logged_failure(service: Service) -> Iterator[None]:
    """Log what a service raises, so that everything else ends nevertheless."""
    try:
        yield
    except Exception:
        log.exception("%s failed to end", type(service).__name__)


def _value(settings: Settings, name: str) -> object:
    section, _, key = name.partition(".")
    return getattr(getattr(settings, section), key)
