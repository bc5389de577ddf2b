"""What happens to sessions is counted, and what has been counted is not lost when they end."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator

import pytest

from guacr import refusals
from guacr.errors import BusyError, UpstreamError
from guacr.limits.refusal import REASONS, Limit, Refusal, Scope
from guacr.loop_lag import LoopLag
from guacr.metrics.catalog import METRICS
from guacr.metrics.local import LocalMetrics
from guacr.metrics.snapshots import Snapshot
from guacr.net.certificates import CertificateWatch, Validity
from guacr.net.connection_limits import ConnectionLimits
from guacr.session.events import RecordingFailed
from tests.support.loopback import Bench, frame, session_of, until

ENDED = ("sketch", "upstream_error")


class Watched(Bench):
    """A bench with metrics."""

    def __init__(self) -> None:
        super().__init__()
        self.limits = ConnectionLimits(10, 10)
        self.certificates = CertificateWatch(self.registry.settings)
        self.metrics = LocalMetrics(
            self.registry, {"guacamole": self.limits}, LoopLag(), self.certificates, lambda: 4
        )

    async def read(self, name: str, *labels: str) -> list[float]:
        """The numbers of a metric; empty if there are none."""
        return numbers(await self.metrics.snapshot(), name, *labels)


def numbers(snapshot: Snapshot, name: str, *labels: str) -> list[float]:
    found = [list(n) for given, n in snapshot[name] if tuple(given) == labels]
    return found[0] if found else []


@pytest.fixture
async def bench() -> AsyncIterator[Watched]:
    bench = Watched()
    yield bench
    await bench.close()


async def test_a_snapshot_is_json_and_has_exactly_the_metrics_of_the_catalog(
    bench: Watched,
) -> None:
    _, user = bench.connect()
    session_of(user).close()
    snapshot = await bench.metrics.snapshot()
    assert set(snapshot) == set(METRICS) - {"guacr_ready"}, "that is of the daemon"
    for name, samples in json.loads(json.dumps(snapshot)).items():
        for labels, found in samples:
            assert len(labels) == len(METRICS[name].labels), name
            assert len(found) == METRICS[name].size, name
    for name in ("process_resident_memory_bytes", "process_open_fds", "process_max_fds"):
        assert numbers(snapshot, name)[0] > 0


async def test_limits_that_are_reached(bench: Watched) -> None:
    before = await bench.read("guacr_limits_reached_total", "sessions-address")
    Refusal(Limit.SESSIONS, Scope.ADDRESS, 1).counted()
    after = await bench.read("guacr_limits_reached_total", "sessions-address")
    assert after[0] - before[0] == 1
    assert len((await bench.metrics.snapshot())["guacr_limits_reached_total"]) == len(REASONS)


async def test_counts_begin_with_zero_so_that_the_first_is_an_increase(bench: Watched) -> None:
    assert await bench.read("guacr_sessions_opened_total", "sketch") == [0]
    assert await bench.read("guacr_sessions_ended_total", *ENDED) == [0]
    assert await bench.read("guacr_refusals_total", "client_overrun")
    assert await bench.read("guacr_connect_seconds", "sketch") == []


async def test_sessions_and_users_are_counted_and_their_bytes_stay_when_they_end(
    bench: Watched,
) -> None:
    transport, user = bench.connect()
    session = session_of(user)
    _, joiner = bench.connect(session.id)
    await frame(transport)
    transport.send("nop")
    assert await bench.read("guacr_sessions", "sketch") == [1]
    assert await bench.read("guacr_users", "sketch") == [2]
    sent = sum(one.link.traffic.sent for one in (user, joiner))
    assert await bench.read("guacr_sent_bytes_total", "sketch") == [sent]
    assert await bench.read("guacr_received_bytes_total", "sketch") == [6]
    session.close(UpstreamError("the host is gone"))
    assert await bench.read("guacr_sessions", "sketch") == [0]
    assert await bench.read("guacr_users", "sketch") == [0]
    assert await bench.read("guacr_sent_bytes_total", "sketch") > [sent], "the error is sent, too"
    assert await bench.read("guacr_received_bytes_total", "sketch") == [6]
    assert await bench.read("guacr_sessions_opened_total", "sketch") == [1]
    assert await bench.read("guacr_users_joined_total", "sketch") == [2]
    assert await bench.read("guacr_sessions_ended_total", *ENDED) == [1]


async def test_frames_are_counted_with_the_keys_that_wait_for_them(bench: Watched) -> None:
    transport, user = bench.connect()
    session = session_of(user)
    await frame(transport)
    assert sum((await bench.read("guacr_connect_seconds", "sketch"))[:-1]) == 1
    frames = (await bench.read("guacr_frames_total", "sketch"))[0]
    transport.send("key", 0xFFE1, 1)
    session.handler.resize(user, 210, 100)
    await frame(transport)
    assert not any(await bench.read("guacr_key_to_frame_seconds", "sketch")), "Shift shows nothing"
    transport.send("key", 97, 1)
    transport.send("key", 98, 1)
    session.handler.resize(user, 220, 100)
    await frame(transport)
    session.handler.resize(user, 230, 100)
    await frame(transport)
    assert sum((await bench.read("guacr_key_to_frame_seconds", "sketch"))[:-1]) == 1
    assert await bench.read("guacr_frames_total", "sketch") == [frames + 3]
    assert sum((await bench.read("guacr_encoding_seconds", "sketch"))[:-1]) == frames + 3


async def test_acknowledgements_show_the_lag_and_viewers_that_get_no_frames(
    bench: Watched,
) -> None:
    transport, user = bench.connect()
    await frame(transport)
    transport.acknowledge()
    assert sum((await bench.read("guacr_viewer_lag_seconds", "sketch"))[:-1]) == 1
    assert await bench.read("guacr_viewers_behind", "sketch") == [0]
    user.stale = True
    assert await bench.read("guacr_viewers_behind", "sketch") == [1]


async def test_connections_refusals_and_lost_events_are_counted(
    bench: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "counts", type(refusals.counts)())
    place = bench.limits.enter("192.0.2.1")
    assert await bench.read("guacr_connections", "guacamole") == [1]
    place.leave()
    assert await bench.read("guacr_connections", "guacamole") == [0]
    assert await bench.read("guacr_connections_accepted_total", "guacamole") == [1]
    log = logging.getLogger("test")
    refusals.Refusals(log).refused("192.0.2.1:7", BusyError("no room"))
    refusals.Refusals(log, "tls").refused("192.0.2.1:7", "the TLS handshake failed")
    assert await bench.read("guacr_refusals_total", "server_busy") == [1]
    assert await bench.read("guacr_refusals_total", "tls") == [1]
    with bench.registry.events.subscribe(limit=1):
        for _ in range(3):
            bench.registry.events.publish(RecordingFailed("$1", "/x", "the disk is full", True))
    assert await bench.read("guacr_events_dropped_total") == [2]
    assert await bench.read("guacr_recording_failures_total") == [3]
    assert await bench.read("guacr_journal_failures_total") == [4]


async def test_bytes_do_not_go_back_when_a_session_ends_while_others_are_looked_at(
    bench: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guacr.metrics.local.BATCH", 1)
    users = [bench.connect()[1] for _ in range(3)]
    await until(lambda: all(user.link.traffic.sent for user in users))
    before = (await bench.read("guacr_sent_bytes_total", "sketch"))[0]
    reading = asyncio.create_task(bench.metrics._of_sessions())
    await asyncio.sleep(0)  # the first session has been looked at
    for user in users:
        session_of(user).close()
    during = numbers(await reading, "guacr_sent_bytes_total", "sketch")[0]
    after = (await bench.read("guacr_sent_bytes_total", "sketch"))[0]
    assert before <= during <= after


async def test_expiry_of_certificates(bench: Watched) -> None:
    bench.certificates._known = {"websocket": Validity(0, time.time() + 100)}
    assert 90 < (await bench.read("guacr_certificate_expiry_seconds", "websocket"))[0] <= 100
