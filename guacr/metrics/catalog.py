"""The metrics: name, kind, labels and meaning of each.

Every label has a limited number of values: protocols are those that are installed, reasons and
statuses those of the code. None names a host, a person or an address.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from guacr.histogram import BOUNDS


class Kind(Enum):
    """The way in which a metric changes, and values of several processes are combined."""

    COUNTER = auto()
    """Only grows; the values are added up, those of ended processes included."""
    GAUGE = auto()
    """A present value; the values are added up."""
    MAXIMUM = auto()
    """A present value; the highest counts."""
    MINIMUM = auto()
    """A present value; the lowest counts."""
    HISTOGRAM = auto()
    """A `Histogram`: its counts, then the sum of its values; added up like counters."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric; its name is the key in `METRICS`."""

    kind: Kind
    help: str
    labels: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The length of a value: a number, or the counts and the sum of a histogram."""
        return len(BOUNDS) + 2 if self.kind is Kind.HISTOGRAM else 1

    @property
    def grows(self) -> bool:
        """True if the value never goes back, not even when a process has ended."""
        return self.kind in (Kind.COUNTER, Kind.HISTOGRAM)


_COUNTER, _GAUGE, _HISTOGRAM = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM
_BY_PROTOCOL = ("protocol",)

METRICS: dict[str, Metric] = {
    "guacr_info": Metric(Kind.MAXIMUM, "Always 1.", ("version",)),
    "guacr_ready": Metric(Kind.MINIMUM, "1 if sessions can be opened, otherwise 0."),
    "guacr_processes": Metric(_GAUGE, "Processes of the daemon."),
    "guacr_sessions": Metric(_GAUGE, "Sessions now.", _BY_PROTOCOL),
    "guacr_users": Metric(_GAUGE, "Users in sessions now.", _BY_PROTOCOL),
    "guacr_viewers_behind": Metric(
        _GAUGE,
        "Viewers, recordings included, that get no frames now because they have not received what "
        "they were sent.",
        _BY_PROTOCOL,
    ),
    "guacr_sessions_opened_total": Metric(_COUNTER, "Sessions that were opened.", _BY_PROTOCOL),
    "guacr_sessions_ended_total": Metric(
        _COUNTER,
        "Sessions that have ended, by the status that their users were sent.",
        ("protocol", "status"),
    ),
    "guacr_users_joined_total": Metric(
        _COUNTER, "Users who have joined sessions, owners included.", _BY_PROTOCOL
    ),
    "guacr_connect_seconds": Metric(
        _HISTOGRAM,
        "From the opening of a session until its host has answered or a person is asked something.",
        _BY_PROTOCOL,
    ),
    "guacr_received_bytes_total": Metric(_COUNTER, "Bytes from users.", _BY_PROTOCOL),
    "guacr_sent_bytes_total": Metric(_COUNTER, "Bytes to users.", _BY_PROTOCOL),
    "guacr_frames_total": Metric(
        _COUNTER, "Frames that were made, each for all viewers together.", _BY_PROTOCOL
    ),
    "guacr_encoding_seconds": Metric(_HISTOGRAM, "Encoding of a frame.", _BY_PROTOCOL),
    "guacr_key_to_frame_seconds": Metric(
        _HISTOGRAM,
        "From the first key since the last frame to the next frame; keys whose frame takes more "
        "than 5 s are not counted.",
        _BY_PROTOCOL,
    ),
    "guacr_viewer_lag_seconds": Metric(
        _HISTOGRAM,
        "How far a user was behind when it acknowledged a frame, beyond the latency of its link.",
        _BY_PROTOCOL,
    ),
    "guacr_connections": Metric(_GAUGE, "Connections of clients now.", ("port",)),
    "guacr_connections_accepted_total": Metric(
        _COUNTER, "Connections of clients that were accepted.", ("port",)
    ),
    "guacr_refusals_total": Metric(
        _COUNTER,
        "Clients that were refused: by status, or tls for failed TLS handshakes, http for requests "
        "that are not allowed or not HTTP, and operator for what was refused to operators.",
        ("reason",),
    ),
    "guacr_access_refusals_total": Metric(
        _COUNTER, "Sessions, hosts and joins that access rules have refused."
    ),
    "guacr_limits_reached_total": Metric(
        _COUNTER,
        "Sessions and users that limits have refused or ended, by what is limited and what it "
        "counts for.",
        ("reason",),
    ),
    "guacr_certificate_expiry_seconds": Metric(
        Kind.MINIMUM,
        "Seconds until the certificate of a listener expires; below 0 afterwards.",
        ("listener",),
    ),
    "guacr_transfers_total": Metric(_COUNTER, "Files that were transferred, or begun to be."),
    "guacr_recordings_total": Metric(_COUNTER, "Recordings and typescripts that were begun."),
    "guacr_recording_failures_total": Metric(
        _COUNTER, "Recordings and typescripts that could not be begun or not be completed."
    ),
    "guacr_journal_failures_total": Metric(
        _COUNTER,
        "Times that the journal could not be written: its disk has failed or was full, or a file "
        "was deleted.",
    ),
    "guacr_events_dropped_total": Metric(
        _COUNTER, "Events that were dropped because a subscriber did not read them in time."
    ),
    "guacr_loop_lag_seconds": Metric(
        _HISTOGRAM, "How late the event loop was, measured four times per second."
    ),
    "guacr_children": Metric(
        _GAUGE, "Processes that were started for sessions, such as RDP's engines."
    ),
    "guacr_children_resident_memory_bytes": Metric(_GAUGE, "Their resident memory."),
    "process_cpu_seconds_total": Metric(_COUNTER, "User and system CPU time."),
    "process_resident_memory_bytes": Metric(_GAUGE, "Resident memory."),
    "process_open_fds": Metric(_GAUGE, "Open files."),
    "process_max_fds": Metric(_GAUGE, "Files that may be open."),
    "process_start_time_seconds": Metric(
        Kind.MINIMUM, "The start of the oldest process, in seconds since 1970."
    ),
}
