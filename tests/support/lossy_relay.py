"""A link that delays datagrams, loses and repeats some, and changes their order."""

from __future__ import annotations

import asyncio
import random
import socket

Address = tuple[str, int]


class LossyRelay:
    """Takes the place of the daemon for a browser: whoever sends to it first is the browser.

    Args:
        delay: seconds in each direction.
        loss: the part that is lost, in each direction.
        jitter: seconds by which datagrams are later, at random, and so out of order.
        repeated: the part that arrives twice.
    """

    def __init__(
        self, delay: float, loss: float, jitter: float = 0.0, repeated: float = 0.0
    ) -> None:
        self.carried = 0
        self.lost = 0
        self._jitter = jitter
        self._repeated = repeated
        self._delay = delay
        self._loss = loss
        self._random = random.Random(1)
        self._sockets = [self._socket(0), self._socket(1)]
        """Towards the browser, and towards the daemon, or the ends in their places."""
        self._ends: list[Address | None] = [None, None]

    def _socket(self, side: int) -> socket.socket:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.setblocking(False)
        opened.bind(("127.0.0.1", 0))
        asyncio.get_running_loop().add_reader(opened.fileno(), self._carry, side)
        return opened

    def routed(self, candidate: str) -> str:
        """Return the link's candidate for one of the daemon, or of the other end; empty for those
        that it does not carry."""
        words = candidate.split()
        if not words or words[4] != "127.0.0.1":
            return ""
        self._ends[1] = (words[4], int(words[5]))
        words[5] = str(self._sockets[0].getsockname()[1])
        return " ".join(words)

    def _carry(self, side: int) -> None:
        data, source = self._sockets[side].recvfrom(65536)
        if side == 0:
            self._ends[0] = source
        if self._random.random() < self._loss:
            self.lost += 1
            return
        self.carried += 1
        for _ in range(1 + (self._random.random() < self._repeated)):
            delay = self._delay + self._random.random() * self._jitter
            asyncio.get_running_loop().call_later(delay, self._pass_on, 1 - side, data)

    def _pass_on(self, side: int, data: bytes) -> None:
        to = self._ends[side]
        if to is not None and self._sockets[side].fileno() >= 0:
            self._sockets[side].sendto(data, to)

    def close(self) -> None:
        """Close the sockets."""
        for opened in self._sockets:
            asyncio.get_running_loop().remove_reader(opened.fileno())
            opened.close()
