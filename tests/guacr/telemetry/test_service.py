"""A collector receives traces and metrics; one that is away or hangs disturbs nobody."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from guacr.daemon import Daemon
from guacr.errors import SettingsError
from guacr.settings.models import Settings
from guacr.settings.telemetry import TelemetrySettings
from guacr.telemetry import service
from guacr.telemetry.wanted import DISABLED, ENDPOINT, is_wanted
from guacr.testing.client import GuacClient
from guacr.testing.daemon import LOCAL, address, local_settings, running_daemon
from handlers.telnet import TelnetHandler
from tests.support.loopback import SketchHandler, until
from tests.support.otlp import OtlpCollector, otlp_collector, values
from tests.support.waiting import free_port

SECRETS = {"hostname": "secret-host.example", "password": "pa55word"}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENDPOINT, raising=False)


@pytest.fixture
async def collector() -> AsyncIterator[OtlpCollector]:
    async with otlp_collector() as running:
        yield running


def sending(collector: OtlpCollector, **more: object) -> Settings:
    return local_settings(telemetry={"endpoint": collector.origin, "metrics": False} | more)


async def one_session(settings: Settings) -> str:
    """Open a session and close it; return its id."""
    async with running_daemon(SketchHandler, settings=settings) as daemon:
        async with await GuacClient.connect(address(daemon), "sketch", SECRETS) as client:
            await client.frame()
            (session,) = daemon.registry.sessions
        await until(lambda: not daemon.registry.sessions)
    return session


async def test_a_session_has_a_trace_without_secrets(collector: OtlpCollector) -> None:
    session = await one_session(sending(collector))
    spans = collector.spans
    steps = ["accept", "handshake", "open", "connect", "first frame"]
    assert sorted(spans) == sorted(["connect sketch", "session sketch", *steps])
    root, whole = spans["connect sketch"], spans["session sketch"]
    about = {"guacr.protocol": "sketch", "guacr.session": session}
    assert values(root.attributes) == about
    assert (root.kind, root.parent_span_id) == (Span.SPAN_KIND_SERVER, b"")
    assert root.status.code == Status.STATUS_CODE_UNSET
    at = root.start_time_unix_nano
    for name in steps:
        span = spans[name]
        assert (span.trace_id, span.parent_span_id) == (root.trace_id, root.span_id)
        assert at == span.start_time_unix_nano <= span.end_time_unix_nano
        assert not span.attributes
        at = span.end_time_unix_nano
    assert at == root.end_time_unix_nano
    assert (whole.trace_id, whole.parent_span_id) == (root.trace_id, root.span_id)
    ended = values(whole.attributes)
    assert ended.pop("guacr.sent_bytes") > ended.pop("guacr.received_bytes") > 0  # type: ignore[operator]
    assert ended == about | {"guacr.status": "success"}
    sent = b"".join(collector.requests)
    assert not any(secret.encode() in sent for secret in SECRETS.values())
    (resource,) = collector.traces.resource_spans
    assert values(resource.resource.attributes)["service.name"] == "guacr"


async def test_a_session_of_the_page_has_the_same_steps(collector: OtlpCollector) -> None:
    settings = local_settings(
        telemetry={"endpoint": collector.origin, "metrics": False},
        websocket={"enabled": True, "hosts": LOCAL, "port": 0},
        connections={"a": {"protocol": "sketch"}},
    )
    async with running_daemon(SketchHandler, settings=settings) as daemon:
        url = f"http://127.0.0.1:{daemon.web_port}/websocket?connection=a"
        async with aiohttp.ClientSession() as http, http.ws_connect(url) as page:
            while "4.sync," not in await page.receive_str():
                pass
        await until(lambda: not daemon.registry.sessions)
    root = collector.spans["connect sketch"]
    for name in ("accept", "handshake", "open", "connect", "first frame"):
        assert collector.spans[name].parent_span_id == root.span_id


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_trace_goes_on_if_the_settings_say_so(
    collector: OtlpCollector, trusted: bool
) -> None:
    settings = local_settings(
        telemetry={"endpoint": collector.origin, "metrics": False, "traceparent": trusted},
        websocket={"enabled": True, "hosts": LOCAL, "port": 0},
        connections={"a": {"protocol": "sketch"}},
    )
    trace, span = "ab" * 16, "cd" * 8
    async with running_daemon(SketchHandler, settings=settings) as daemon:
        url = f"http://127.0.0.1:{daemon.web_port}/websocket?connection=a"
        headers = {"traceparent": f"00-{trace}-{span}-01"}
        async with aiohttp.ClientSession() as http, http.ws_connect(url, headers=headers) as page:
            while "4.sync," not in await page.receive_str():
                pass
        await until(lambda: not daemon.registry.sessions)
    root = collector.spans["connect sketch"]
    assert (root.trace_id.hex() == trace, root.parent_span_id.hex() == span) == (trusted, trusted)
    assert collector.spans["session sketch"].trace_id == root.trace_id


async def test_clients_that_join_or_are_refused_have_spans(collector: OtlpCollector) -> None:
    async with running_daemon(SketchHandler, settings=sending(collector)) as daemon:
        async with await GuacClient.connect(address(daemon), "sketch", SECRETS) as owner:
            await owner.frame()
            (session,) = daemon.registry.sessions
            async with await GuacClient.connect(address(daemon), session) as joiner:
                await joiner.frame()
            daemon.registry.is_draining = True
            with pytest.raises(AssertionError, match="no new sessions"):
                await GuacClient.connect(address(daemon), "sketch", SECRETS)
        await until(lambda: not daemon.registry.sessions)
    spans = collector.spans
    root, joined, refused = (spans[name] for name in ("connect sketch", "join sketch", "refuse"))
    assert (joined.trace_id, joined.parent_span_id) == (root.trace_id, root.span_id)
    assert values(joined.attributes) == {"guacr.protocol": "sketch", "guacr.session": session}
    assert refused.trace_id != root.trace_id
    assert refused.status.code == Status.STATUS_CODE_ERROR
    assert values(refused.attributes) == {
        "guacr.protocol": "sketch",
        "guacr.status": "upstream_unavailable",
    }
    assert not any(secret.encode() in b"".join(collector.requests) for secret in SECRETS.values())


async def test_hosts_are_named_if_the_settings_say_so(collector: OtlpCollector) -> None:
    await one_session(sending(collector, hosts=True))
    for name in ("connect sketch", "session sketch"):
        about = values(collector.spans[name].attributes)
        assert about["server.address"] == SECRETS["hostname"]
    assert SECRETS["password"].encode() not in b"".join(collector.requests)


async def test_a_session_that_does_not_connect_is_an_error_without_its_sentence(
    collector: OtlpCollector,
) -> None:
    values_of = {"hostname": "127.0.0.1", "port": str(free_port())}
    async with running_daemon(TelnetHandler, settings=sending(collector)) as daemon:
        async with await GuacClient.connect(address(daemon), "telnet", values_of) as client:
            await client.wait_closed()
        await until(lambda: not daemon.registry.sessions)
    spans = collector.spans
    assert {"accept", "handshake", "open", "resolve"} <= set(spans)
    assert not {"tcp", "connect", "first frame"} & set(spans)
    for name in ("connect telnet", "session telnet"):
        assert spans[name].status.code == Status.STATUS_CODE_ERROR
        assert spans[name].status.message == ""
        assert values(spans[name].attributes)["guacr.status"] == "upstream_unavailable"


async def test_metrics_are_sent_regularly(collector: OtlpCollector) -> None:
    settings = sending(collector, traces=False, metrics=True, metrics_interval=0.1)
    async with running_daemon(SketchHandler, settings=settings) as daemon:
        async with await GuacClient.connect(address(daemon), "sketch") as client:
            await client.frame()
            before = len(collector.metrics)
            await until(lambda: len(collector.metrics) > before + 1)
        newest = collector.newest
    (opened,) = newest["guacr_sessions_opened"].sum.data_points
    assert (values(opened.attributes), opened.as_int) == ({"protocol": "sketch"}, 1)
    assert newest["guacr_sessions_opened"].sum.is_monotonic
    assert newest["guacr_sessions"].gauge.data_points[0].as_int == 1
    (connect,) = newest["guacr_connect_seconds"].histogram.data_points
    assert (connect.count, sum(connect.bucket_counts)) == (1, 1)
    assert len(connect.bucket_counts) == len(connect.explicit_bounds) + 1
    assert not connect.HasField("max")
    units = {name: metric.unit for name, metric in newest.items()}
    assert units["guacr_connect_seconds"] == units["process_cpu_seconds"] == "s"
    assert units["guacr_sent_bytes"] == "By"
    assert "first frame" not in collector.spans


async def test_the_last_metrics_are_sent_at_the_end(collector: OtlpCollector) -> None:
    await one_session(sending(collector, metrics=True))
    (ended,) = [
        one
        for one in collector.newest["guacr_sessions_ended"].sum.data_points
        if values(one.attributes) == {"protocol": "sketch", "status": "success"}
    ]
    assert (len(collector.metrics), ended.as_int) == (1, 1)


async def test_a_collector_that_refuses_is_in_the_log_once(
    collector: OtlpCollector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    collector.status = 400
    settings = sending(collector, traces=False, metrics=True, metrics_interval=0.1)
    async with running_daemon(SketchHandler, settings=settings):
        await until(lambda: len(collector.requests) >= 3)
        collector.status = 200
        await until(lambda: len(collector.metrics) > 1)
    told = [record.message for record in caplog.records if record.name == "guacr.telemetry"]
    assert told == [
        "the collector does not accept metrics: they are lost until it does",
        "the collector accepts metrics again",
    ]


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_collector_that_is_away_or_hangs_disturbs_no_session(
    collector: OtlpCollector,
    hangs: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(service, "CLOSE_TIMEOUT", 0.1)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    collector.hangs = hangs
    settings = sending(collector, metrics=True, metrics_interval=0.1)
    if not hangs:
        endpoint = f"http://127.0.0.1:{free_port()}"
        settings = local_settings(telemetry={"endpoint": endpoint, "metrics_interval": 0.1})
    async with running_daemon(SketchHandler, settings=settings) as daemon:
        if hangs:
            await until(lambda: bool(collector.requests))
        async with await GuacClient.connect(address(daemon), "sketch") as client:
            await client.frame()
        await until(lambda: not daemon.registry.sessions)
    expected = "what was not sent is lost" if hangs else "the collector does not"
    assert expected in caplog.text


async def test_without_the_extra_the_setting_is_an_error_and_the_environment_a_warning(
    collector: OtlpCollector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "guacr.telemetry.sdk", None)
    with pytest.raises(SettingsError, match=r"OpenTelemetry needs a library .*guacr\[otel\]"):
        await Daemon(sending(collector)).start()
    monkeypatch.setenv(ENDPOINT, collector.origin)
    async with running_daemon(SketchHandler) as daemon:
        assert daemon.registry.sessions == {}
    assert f"nothing is sent to {ENDPOINT}: OpenTelemetry needs a library" in caplog.text


@pytest.mark.parametrize(
    ("endpoint", "environment", "expected"),
    [
        ("", {}, False),
        ("http://c:4318", {}, True),
        ("", {ENDPOINT: "http://c:4318"}, True),
        ("", {ENDPOINT: " "}, False),
        ("http://c:4318", {DISABLED: "TRUE"}, False),
        ("", {ENDPOINT: "http://c:4318", DISABLED: "false"}, True),
    ],
)
def test_nothing_is_sent_unless_somebody_asks(
    endpoint: str, environment: dict[str, str], expected: bool
) -> None:
    assert is_wanted(TelemetrySettings(endpoint=endpoint), environment) is expected


async def test_the_environment_names_the_collector(
    collector: OtlpCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENDPOINT, collector.origin)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "desks")
    await one_session(local_settings())
    (resource,) = collector.traces.resource_spans
    assert values(resource.resource.attributes)["service.name"] == "desks"


def test_the_sdk_says_nothing_itself() -> None:
    from guacr.telemetry.sdk import _silence

    _silence()
    assert not logging.getLogger("opentelemetry").propagate
