"""Channels of the peer whose conversation has not been announced at this end yet."""

from __future__ import annotations

import asyncio
import logging

from guacr.tubes.sctp import Channel

UNCLAIMED_MAX = 16
"""Channels that wait; further ones are closed."""
UNCLAIMED_FOR = 10.0
"""Seconds after which a channel is closed that nobody has claimed."""

log = logging.getLogger("guacr.tubes")


class Unclaimed:
    """Keeps the channels of one tube by their labels, without reading from them.

    Args:
        tube_id: for the log.
    """

    def __init__(self, tube_id: str) -> None:
        self._tube_id = tube_id
        self._waiting: dict[str, tuple[Channel, asyncio.TimerHandle]] = {}

    def add(self, channel: Channel) -> None:
        """Keep a channel for a limited time; close it if there are too many, or one of its
        label."""
        if len(self._waiting) >= UNCLAIMED_MAX or channel.label in self._waiting:
            channel.close()
            return
        channel.pause_reading()
        loop = asyncio.get_running_loop()
        timer = loop.call_later(UNCLAIMED_FOR, self._refuse, channel.label)
        self._waiting[channel.label] = channel, timer

    def claim(self, label: str) -> Channel | None:
        """Return the channel of a label, and keep it no more; None if there is none."""
        channel, timer = self._waiting.pop(label, (None, None))
        if timer is not None:
            timer.cancel()
        return channel

    def close(self) -> None:
        """Close all."""
        for label in list(self._waiting):
            if (channel := self.claim(label)) is not None:
                channel.close()

    def _refuse(self, label: str) -> None:
        log.info("tube %s: nobody waits for the conversation %.64r", self._tube_id, label)
        if (channel := self.claim(label)) is not None:
            channel.close()
