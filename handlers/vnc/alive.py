"""Checks that a server is still alive: one that sends nothing is asked for an answer."""

from __future__ import annotations

import asyncio

from handlers.notice import Notice
from handlers.vnc.connection import VncConnection
from handlers.vnc.sender import Sender

PROBES = 3
"""Unanswered probes after which the server counts as lost, as with SSH's keep-alive requests."""
NOTICE_AFTER = 3.0
"""Seconds without an answer to a probe after which users see a notice."""
STEP = 1.0
"""Seconds between two looks at whether there is an answer."""


class AliveCheck:
    """Probes a server that has sent nothing for some time, and shows the users a notice.

    RFB servers may be silent for as long as their desktop does not change, and if a server hangs,
    its operating system still answers TCP's own probes.

    Args:
        name: the server's, in sentences.
        interval: seconds of silence before a probe, and seconds to wait for each answer.
    """

    def __init__(
        self,
        connection: VncConnection,
        sender: Sender,
        notice: Notice,
        name: str,
        interval: float,
    ) -> None:
        self._connection = connection
        self._sender = sender
        self._notice = notice
        self._name = name[:1].upper() + name[1:]
        self._interval = interval

    async def run(self) -> None:
        """Return when the server has stopped answering."""
        while True:
            rest = self._interval - self._connection.silence
            if rest > 0:
                await asyncio.sleep(rest)
            elif not await self._answers():
                return

    async def _answers(self) -> bool:
        """Probe the server, and return whether it sends anything at all, or reads what could not be
        sent to it before."""
        connection, silent, waited = self._connection, self._connection.silence, 0.0
        received = connection.received
        for number in range(1, PROBES + 1):
            self._sender.probe()
            while waited < number * self._interval:
                sent, is_behind = connection.sent, connection.unsent > 0
                pause = min(STEP, self._interval)
                await asyncio.sleep(pause)
                reads_on = is_behind and connection.sent != sent
                if reads_on or connection.received != received:
                    self._notice.clear()
                    return True
                waited += pause
                if waited >= min(NOTICE_AFTER, self._interval):
                    self._show(silent + waited)
        return False

    def _show(self, seconds: float) -> None:
        self._notice.show(
            f"{self._name} has not answered for {seconds:.0f} s. What you type and click may "
            "arrive later."
        )
