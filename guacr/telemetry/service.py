"""OpenTelemetry as a service of the daemon; its libraries are loaded only if it is asked for."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from guacr.errors import SettingsError
from guacr.metrics.snapshots import Snapshot
from guacr.services import Service
from guacr.session.registry import SessionRegistry
from guacr.session.session import Session
from guacr.settings.models import Settings
from guacr.telemetry.tracing import RefusalTrace, SessionTrace
from guacr.telemetry.wanted import ENDPOINT, is_wanted

if TYPE_CHECKING:
    from guacr.telemetry.sdk import SdkMetrics, SdkTracer

CLOSE_TIMEOUT = 3.0
"""Seconds for what waits to be sent at the end."""

log = logging.getLogger("guacr.telemetry")


class TelemetryService(Service):
    """Sends traces of the registry's sessions, if there is one, and what `sample` returns, to a
    collector."""

    need_restart: ClassVar[tuple[str, ...]] = (
        "telemetry.endpoint",
        "telemetry.traces",
        "telemetry.metrics",
        "telemetry.metrics_interval",
    )

    def __init__(
        self,
        settings: Settings,
        registry: SessionRegistry | None,
        sample: Callable[[], Awaitable[Snapshot]],
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._settings = settings.telemetry
        self._registry = registry
        self._sample = sample
        self._wanted = is_wanted(settings.telemetry, environment)
        self._tracer: SdkTracer | None = None
        self._metrics: SdkMetrics | None = None
        self._task: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()

    @override
    async def open(self) -> None:
        if not self._wanted:
            return
        settings = self._settings
        try:
            sdk = await asyncio.to_thread(load)
        except SettingsError as error:
            if settings.endpoint:
                raise
            log.warning("nothing is sent to %s: %s", ENDPOINT, error)
            return
        if settings.traces and self._registry is not None:
            self._tracer = sdk.SdkTracer(settings.endpoint)
        if settings.metrics:
            self._metrics = sdk.SdkMetrics(settings.endpoint)

    @override
    async def start(self) -> None:
        if self._tracer is not None and (registry := self._registry) is not None:
            registry.extensions.insert(0, self._trace)
            refusals = RefusalTrace(
                self._tracer, lambda: self._settings, lambda: registry.protocols.names
            )
            registry.refused.append(refusals.refused)
        if self._metrics is not None:
            work = self._send_metrics(self._metrics)
            self._task = asyncio.create_task(work, name="telemetry")

    @override
    def reload(self, settings: Settings) -> Callable[[], None]:
        def apply() -> None:
            self._settings = settings.telemetry

        return apply

    @override
    async def close(self) -> None:
        self._ended.set()
        tasks = [] if self._task is None else [self._task]
        if self._tracer is not None:
            sending = asyncio.to_thread(self._tracer.close)
            tasks.append(asyncio.create_task(sending, name="telemetry"))
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=CLOSE_TIMEOUT)
            for task in late:
                log.warning("the collector does not answer: what was not sent is lost")
                task.cancel()
        if self._metrics is not None:
            self._metrics.close()
        self._tracer = self._metrics = self._task = None

    def _trace(self, session: Session) -> SessionTrace | None:
        if self._tracer is None:
            return None
        return SessionTrace(session, self._tracer, self._settings)

    async def _send_metrics(self, metrics: SdkMetrics) -> None:
        """Send metrics regularly, and once at the end."""
        interval = self._settings.metrics_interval
        while not self._ended.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), interval)
            try:
                await asyncio.to_thread(metrics.send, await self._sample())
            except Exception:
                log.exception("metrics could not be sent")


def load() -> ModuleType:
    """Load the module that sends; blocks.

    Raises:
        SettingsError: its libraries are not installed.
    """
    try:
        return import_module("guacr.telemetry.sdk")
    except ImportError as error:
        raise SettingsError(
            f"OpenTelemetry needs a library that is not installed ({error.name}): install "
            "guacr[otel]"
        ) from error
