"""Prometheus and probes get their answers from a daemon."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event
from typing import Any

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from guacr.daemon import Daemon
from guacr.metrics import collector
from guacr.metrics.catalog import METRICS, Kind
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address, local_settings, running_daemon
from tests.guacr.operators.conftest import control_settings
from tests.support.loopback import SketchHandler

ENABLED = {"enabled": True, "hosts": ["127.0.0.1"], "port": 0}


@pytest.fixture
async def daemon(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Daemon]:
    monkeypatch.setattr(collector, "FRESH", 0.0)
    settings = local_settings(metrics=ENABLED)
    async with running_daemon(SketchHandler, settings=settings) as running:
        yield running


async def get(daemon: Daemon, path: str, **headers: str) -> tuple[int, str, str]:
    """The status, the media type and the text of an answer."""
    url = f"http://127.0.0.1:{daemon.metrics_port}{path}"
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as response:
        return response.status, response.headers["Content-Type"], await response.text()


async def ready(daemon: Daemon) -> tuple[int, Any]:
    status, _, text = await get(daemon, "/ready")
    return status, text


async def test_nothing_listens_by_default() -> None:
    async with running_daemon(SketchHandler) as daemon:
        assert daemon.metrics_port == 0


async def test_while_the_daemon_is_starting_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = control_settings(tmp_path).model_copy(
        update={"metrics": local_settings(metrics=ENABLED).metrics}
    )
    daemon, may_go_on = Daemon(settings), Event()
    monkeypatch.setattr(daemon.registry.protocols, "warm_up", lambda _: may_go_on.wait(60))
    starting = asyncio.create_task(daemon.start())
    try:
        while not daemon.metrics_port:  # noqa: ASYNC110
            await asyncio.sleep(0)
        status, text = await ready(daemon)
        assert (status, "the daemon is starting" in text) == (503, True)
        assert (await get(daemon, "/live"))[0] == 200
        unix = aiohttp.UnixConnector(str(tmp_path / "control.sock"))
        async with aiohttp.ClientSession("http://guacr", connector=unix) as http:
            async with http.get("/v1/status") as response:
                assert (await response.json())["state"] == "starting"
            for path in ("/v1/sessions", "/v1/sessions/$1", "/v1/events"):
                async with http.get(path) as response:
                    assert response.status == 503
                    assert "the daemon is starting" in (await response.json())["error"]
        may_go_on.set()
        await starting
        assert await ready(daemon) == (200, '{"status": "ready"}')
    finally:
        may_go_on.set()
        await asyncio.wait([starting])
        await daemon.close()


async def test_prometheus_reads_what_has_happened(daemon: Daemon) -> None:
    async with await GuacClient.connect(address(daemon), "sketch") as client:
        await client.frame()
        _, media_type, text = await get(daemon, "/metrics")
    assert media_type == "text/plain; version=0.0.4; charset=utf-8"
    families = {family.name: family for family in prometheus(text)}
    assert set(families) == {name.removesuffix("_total") for name in METRICS}
    for name, metric in METRICS.items():
        kind = {Kind.COUNTER: "counter", Kind.HISTOGRAM: "histogram"}.get(metric.kind, "gauge")
        assert families[name.removesuffix("_total")].type == kind
    (sessions,) = families["guacr_sessions"].samples
    assert (sessions.labels, sessions.value) == ({"protocol": "sketch"}, 1)
    buckets = {
        one.labels["le"]: one.value
        for one in families["guacr_connect_seconds"].samples
        if one.name.endswith("_bucket")
    }
    assert list(buckets.values()) == sorted(buckets.values())
    assert buckets["+Inf"] == 1


async def test_openmetrics_is_sent_to_those_who_accept_it(daemon: Daemon) -> None:
    accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
    _, media_type, text = await get(daemon, "/metrics", Accept=accept)
    assert media_type == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    families = list(openmetrics(text))  # type: ignore[no-untyped-call]
    assert len(families) == len(METRICS)


async def test_many_requests_read_the_metrics_once(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "FRESH", 60.0)
    read, sample = 0, daemon.control.sample

    async def counted() -> dict[str, Any]:
        nonlocal read
        read += 1
        return await sample()

    daemon.control.sample = counted
    texts = await asyncio.gather(*(get(daemon, "/metrics") for _ in range(5)))
    assert len(set(texts)) == read == 1


async def test_a_process_that_does_not_answer_is_not_waited_for(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "TIMEOUT", 0.01)

    async def hang() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    daemon.control.sample = hang
    assert (await get(daemon, "/metrics"))[0] == 503


async def test_probes(daemon: Daemon) -> None:
    assert await ready(daemon) == (200, '{"status": "ready"}')
    await daemon.control.drain()
    status, text = await ready(daemon)
    assert (status, "draining" in text) == (503, True)
    assert (await get(daemon, "/live"))[0] == 200
    assert "guacr_ready 0.0" in (await get(daemon, "/metrics"))[2]
    await daemon.control.resume()
    assert (await ready(daemon))[0] == 200


async def test_a_daemon_without_files_is_not_ready(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guacr.net.open_files.open_files", lambda: 20)
    status, text = await ready(daemon)
    assert (status, "more files" in text) == (503, True)


async def test_a_daemon_without_places_for_clients_is_not_ready() -> None:
    server = {"hosts": ["127.0.0.1"], "port": 0, "max_connections": 1}
    settings = local_settings(metrics=ENABLED, server=server)
    async with running_daemon(SketchHandler, settings=settings) as daemon:
        async with await GuacClient.connect(address(daemon), "sketch") as client:
            await client.frame()
            status, text = await ready(daemon)
        assert (status, "all 1 connections are in use" in text) == (503, True)
