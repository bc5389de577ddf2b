"""The metrics of this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from guacr import __version__, refusals
from guacr.histogram import Histogram
from guacr.limits import refusal as limits
from guacr.loop_lag import LoopLag
from guacr.metrics.resources import used, used_by_children
from guacr.metrics.snapshots import Sample, Snapshot
from guacr.net.certificates import CertificateWatch
from guacr.net.connection_limits import ConnectionLimits
from guacr.protocol.status import Status
from guacr.session.counters import Counters
from guacr.session.events import AccessRefused, RecordingFailed, RecordingStarted, TransferEnded
from guacr.session.link import Traffic
from guacr.session.registry import SessionRegistry
from guacr.session.session import Session

BATCH = 200
"""Sessions that are looked at before others have their turn."""
_ENDED_NONE = dict.fromkeys(Status, 0)
_REFUSED_NONE = dict.fromkeys(
    [
        *(status.name.lower() for status in Status if status is not Status.SUCCESS),
        "tls",
        "http",
        refusals.OPERATOR,
    ],
    0,
)
"""Counts before anything has happened. Prometheus notices that a count has increased, but not that
a new one is 1."""


@dataclass(slots=True)
class _Present:
    """The sessions of a protocol now."""

    sessions: int = 0
    users: int = 0
    behind: int = 0
    traffic: Traffic = field(default_factory=Traffic)

    def add(self, session: Session) -> None:
        self.sessions += not session.closed
        self.users += len(session.users)
        self.behind += session.frames.behind
        self.traffic += session.traffic


class LocalMetrics:
    """Reads what the parts of a process have counted.

    Args:
        registry: the sessions.
        connections: the connections of each port that clients connect to, by its name.
        loop_lag: that of the event loop.
        certificates: those of the listeners.
        journal_failures: returns how often the journal could not be written.
    """

    def __init__(
        self,
        registry: SessionRegistry,
        connections: Mapping[str, ConnectionLimits],
        loop_lag: LoopLag,
        certificates: CertificateWatch,
        journal_failures: Callable[[], int] = int,
    ) -> None:
        self._registry = registry
        self._connections = connections
        self._loop_lag = loop_lag
        self._certificates = certificates
        self._journal_failures = journal_failures

    async def snapshot(self) -> Snapshot:
        """Return the present values of all metrics."""
        snapshot = await self._of_sessions()
        events, connections = self._registry.events, self._connections
        snapshot |= {
            "guacr_info": [([__version__], [1])],
            "guacr_processes": [([], [1])],
            "guacr_connections": [([port], [one.count]) for port, one in connections.items()],
            "guacr_connections_accepted_total": [
                ([port], [one.entered]) for port, one in connections.items()
            ],
            "guacr_refusals_total": [
                ([why], [count]) for why, count in {**_REFUSED_NONE, **refusals.counts}.items()
            ],
            "guacr_access_refusals_total": [([], [events.counts[AccessRefused]])],
            "guacr_limits_reached_total": [([why], [limits.counts[why]]) for why in limits.REASONS],
            "guacr_certificate_expiry_seconds": [
                ([name], [left]) for name, left in self._certificates.seconds_left().items()
            ],
            "guacr_transfers_total": [([], [events.counts[TransferEnded]])],
            "guacr_recordings_total": [([], [events.counts[RecordingStarted]])],
            "guacr_recording_failures_total": [([], [events.counts[RecordingFailed]])],
            "guacr_journal_failures_total": [([], [self._journal_failures()])],
            "guacr_events_dropped_total": [([], [events.dropped])],
            "guacr_loop_lag_seconds": [([], _numbers(self._loop_lag.seconds))],
        }
        for values in (await asyncio.to_thread(used), await asyncio.to_thread(used_by_children)):
            snapshot |= {name: [([], [value])] for name, value in values.items()}
        return snapshot

    async def _of_sessions(self) -> Snapshot:
        """Return the metrics of sessions. What has ended before is added to what those that are
        here have counted until they are looked at, so that no sum goes back."""
        counters = self._registry.counters
        for name in self._registry.protocols.names:
            counters[name]  # is added, so that its first session is an increase
        ended = {name: one.traffic_of_ended for name, one in counters.items()}
        present = {name: _Present() for name in ended}
        for number, session in enumerate(list(self._registry.sessions.values()), 1):
            present[session.protocol].add(session)
            if number % BATCH == 0:
                await asyncio.sleep(0)
        bytes_of = {name: ended[name] + one.traffic for name, one in present.items()}
        return {
            "guacr_sessions": [([name], [one.sessions]) for name, one in present.items()],
            "guacr_users": [([name], [one.users]) for name, one in present.items()],
            "guacr_viewers_behind": [([name], [one.behind]) for name, one in present.items()],
            "guacr_received_bytes_total": [([name], [t.received]) for name, t in bytes_of.items()],
            "guacr_sent_bytes_total": [([name], [t.sent]) for name, t in bytes_of.items()],
            **_counted(counters),
        }


def _counted(counters: Mapping[str, Counters]) -> Snapshot:
    by_protocol = counters.items()
    return {
        "guacr_sessions_opened_total": [([name], [one.opened]) for name, one in by_protocol],
        "guacr_sessions_ended_total": [
            ([name, status.name.lower()], [count])
            for name, one in by_protocol
            for status, count in {**_ENDED_NONE, **one.ended}.items()
        ],
        "guacr_users_joined_total": [([name], [one.users]) for name, one in by_protocol],
        "guacr_frames_total": [([name], [one.frames]) for name, one in by_protocol],
        "guacr_connect_seconds": _each((name, one.connect) for name, one in by_protocol),
        "guacr_encoding_seconds": _each((name, one.encoding) for name, one in by_protocol),
        "guacr_key_to_frame_seconds": _each((name, one.key_to_frame) for name, one in by_protocol),
        "guacr_viewer_lag_seconds": _each((name, one.viewer_lag) for name, one in by_protocol),
    }


def _each(histograms: Iterable[tuple[str, Histogram]]) -> list[Sample]:
    """Return those that have counted anything: each would have many lines."""
    return [([name], _numbers(one)) for name, one in histograms if any(one.counts)]


def _numbers(histogram: Histogram) -> list[float]:
    return [*histogram.counts, histogram.total]
