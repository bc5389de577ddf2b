"""Runs DTLS on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from guacr.tubes.errors import DtlsError
from guacr.tubes.rtc.dtls.connection import Dtls, DtlsState


class DtlsDriver:
    """Sends what DTLS has to send, and keeps its time.

    Args:
        dtls: one end.
        send: sends a datagram, without waiting.
        on_data: called with the data of each record of the peer.
        on_state: called with each new state.

    Attributes:
        state: of the connection.
        reason: why it has failed, a sentence.
    """

    def __init__(
        self,
        dtls: Dtls,
        *,
        send: Callable[[bytes], None],
        on_data: Callable[[bytes], None],
        on_state: Callable[[DtlsState], None],
    ) -> None:
        self.state = dtls.state
        self.reason = ""
        self._dtls = dtls
        self._send = send
        self._on_data = on_data
        self._on_state = on_state
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin the handshake, unless it has begun."""
        self._do(lambda: self._dtls.start(self._loop.time()))

    def receive(self, datagram: bytes) -> None:
        """Process a datagram of the peer."""
        found: list[bytes] = []
        try:
            found = self._dtls.receive(datagram, self._loop.time())
        except DtlsError as error:
            self.reason = self.reason or str(error)
        self._follow()  # what comes with the end of the handshake is for those who start by it
        for data in found:
            self._on_data(data)

    def send(self, data: bytes) -> None:
        """Encrypt data and send it; without a connection, it is dropped."""
        try:
            self._dtls.send(data)
        except DtlsError as error:
            self.reason = self.reason or str(error)
        self._follow()

    def close(self) -> None:
        """End the connection, and tell the peer."""
        self._do(self._dtls.close)

    def _do(self, step: Callable[[], None]) -> None:
        try:
            step()
        except DtlsError as error:
            self.reason = self.reason or str(error)
        self._follow()

    def _follow(self) -> None:
        """Send what is due, tell a new state, and set the timer."""
        for datagram in self._dtls.take():
            self._send(datagram)
        if self._dtls.state is self.state is DtlsState.CONNECTED:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (deadline := self._dtls.deadline) is not None:
            self._timer = self._loop.call_at(deadline, self._on_timer)
        if self._dtls.state is not self.state:
            self.state = self._dtls.state
            self._on_state(self.state)

    def _on_timer(self) -> None:
        self._timer = None
        self._do(lambda: self._dtls.handle_timeout(self._loop.time()))
