"""The health check asks the port that can answer, and says what is wrong."""

import asyncio

import pytest

from guacr.cli import healthcheck
from guacr.errors import SettingsError, UpstreamUnavailableError
from guacr.settings.models import Settings
from guacr.testing.daemon import LOCAL, local_settings, running_daemon
from tests.support.loopback import SketchHandler


async def check(settings: Settings, *, ready: bool = True) -> str:
    return await asyncio.to_thread(healthcheck.check, settings, ready=ready)


def settings_of(**ports: int) -> Settings:
    """Settings with exactly these sections enabled, at these ports."""
    return local_settings(
        **{name: {"enabled": True, "hosts": LOCAL, "port": port} for name, port in ports.items()}
    )


@pytest.mark.parametrize("section", ["metrics", "websocket"])
async def test_a_daemon_that_drains_is_alive_but_not_ready(section: str) -> None:
    async with running_daemon(SketchHandler, settings=settings_of(**{section: 0})) as daemon:
        port = daemon.metrics_port or daemon.web_port
        settings = settings_of(**{section: port})
        assert await check(settings) == f"guacr is ready at 127.0.0.1:{port}"
        assert await check(settings, ready=False) == f"guacr answers at 127.0.0.1:{port}"
        await daemon.control.drain()
        with pytest.raises(UpstreamUnavailableError, match="not ready: the daemon is draining"):
            await check(settings)
        assert await check(settings, ready=False) == f"guacr answers at 127.0.0.1:{port}"


async def test_the_port_of_metrics_needs_no_certificate() -> None:
    page = {"enabled": True, "tls_certificate": "/x", "tls_client_ca": "/x"}
    async with running_daemon(SketchHandler, settings=settings_of(metrics=0)) as daemon:
        metrics = {"enabled": True, "hosts": LOCAL, "port": daemon.metrics_port}
        assert "ready" in await check(local_settings(metrics=metrics, websocket=page))


async def test_the_guacamole_port_cannot_say_whether_the_daemon_is_ready() -> None:
    async with running_daemon(SketchHandler) as daemon:
        settings = local_settings(server={"hosts": LOCAL, "port": daemon.port})
        assert await check(settings, ready=False) == f"guacr answers at 127.0.0.1:{daemon.port}"
        with pytest.raises(SettingsError, match=r"enabled = true under \[metrics\]"):
            await check(settings)
