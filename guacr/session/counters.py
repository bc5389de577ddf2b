"""The counts of the sessions of one protocol, from the start of the process."""

from __future__ import annotations

from collections import Counter

from guacr.histogram import Histogram
from guacr.protocol.status import Status
from guacr.session.link import Traffic


class Counters:
    """Shared by all sessions of a protocol in this process, which count in it as they go; it never
    goes back."""

    __slots__ = (
        "connect",
        "encoding",
        "ended",
        "frames",
        "key_to_frame",
        "opened",
        "traffic_of_ended",
        "users",
        "viewer_lag",
    )

    def __init__(self) -> None:
        self.opened = 0
        """Sessions that were opened."""
        self.ended: Counter[Status] = Counter()
        """Sessions that have ended, by the status that their users were sent."""
        self.users = 0
        """Users who have joined, owners included."""
        self.traffic_of_ended = Traffic()
        """The bytes of sessions that have ended."""
        self.frames = 0
        """Frames that were made, each for all viewers that were ready for it."""
        self.connect = Histogram()
        """From the opening of a session until its host has answered, or a person is asked
        something."""
        self.encoding = Histogram()
        """Encoding of frames, from the start to the end of the last thread."""
        self.key_to_frame = Histogram()
        """From the first key since the last frame to the next frame."""
        self.viewer_lag = Histogram()
        """The lag of the viewer when it acknowledged a frame, beyond its link's latency."""
