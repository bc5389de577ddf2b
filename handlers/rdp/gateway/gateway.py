"""A session's connections through a gateway."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

from guacr.api import BadRequestError, GuacrError, SessionContext, Turns, shorten, showable
from handlers import tls
from handlers.notice import Notice
from handlers.rdp.gateway import failures, packets
from handlers.rdp.gateway.frames import FrameError
from handlers.rdp.gateway.login import GatewayLogin
from handlers.rdp.gateway.packets import PacketError
from handlers.rdp.gateway.tunnel import (
    Allowed,
    Ended,
    Opened,
    Received,
    Refused,
    Reply,
    Told,
    Tunnel,
)
from handlers.rdp.gateway.websocket import (
    GatewaySocket,
    MissingLoginError,
    Rests,
    terms_of,
)
from handlers.rdp.params import RdpParams

OPEN_TIMEOUT = 30.0
"""Seconds within which the gateway must connect to the host."""
PORTION = 1 << 15
"""Bytes of the worker that are sent at a time; at most `packets.DATA_MAX`."""
TOLD_MAX, TOLD_FOR = 500, 30.0
"""Characters of an administrator's message that are shown, and the seconds for which they are."""
MESSAGES_MAX = 16
"""Messages of a connection that are shown or logged; further ones are dropped."""
_PUNCTUATION = frozenset("-._:%[]")


def check_params(params: RdpParams) -> None:
    """Check the parameters of the gateway.

    Raises:
        GuacrError: one is invalid.
    """
    name = params.gateway_hostname
    if not all(character.isalnum() or character in _PUNCTUATION for character in name):
        raise BadRequestError(
            f"parameter gateway-hostname is not the name of a host ({shorten(name)}): give the "
            "name or address only, without https:// and path"
        )
    tls.check(terms_of(params))


class GatewayLink:
    """A connection to a host through a gateway.

    Attributes:
        sock: what the host's bytes are read from and written to.
        allowed: the redirections that the gateway's policy allows.
        failure: why the gateway has ended the connection, if it has.
    """

    def __init__(
        self, params: RdpParams, gateway: GatewaySocket, tell: Callable[[str], None]
    ) -> None:
        self._params = params
        self._gateway = gateway
        self._tell = tell
        self._tunnel = Tunnel(params.hostname, params.used_port, params.client_name)
        self._turns = Turns()
        self._rests = Rests()
        self._messages = 0
        self.sock, self._ours = socket.socketpair()
        self.sock.setblocking(False)
        self._ours.setblocking(False)
        self.allowed = Allowed()
        self.failure: GuacrError | None = None

    async def open(self) -> None:
        """Have the gateway connect to the host.

        Raises:
            GuacrError: it does not.
        """
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                await self._gateway.send(self._tunnel.begin())
                while not self._tunnel.is_open:
                    await self._receive()
                    if self.failure is not None:
                        raise self.failure
        except TimeoutError:
            raise failures.silent(self._params, OPEN_TIMEOUT) from None
        except OSError:
            raise failures.lost(self._params) from None

    async def run(self) -> None:
        """Pass bytes on in both directions until either side ends the connection."""
        ways = [asyncio.create_task(way, name="gateway") for way in (self._forth(), self._back())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            await self.close()

    async def close(self) -> None:
        """End the connection, on both sides."""
        self._ours.close()
        try:
            if self._tunnel.is_open and self.failure is None:
                with suppress(OSError, TimeoutError):
                    async with asyncio.timeout(1.0):
                        await self._gateway.send(packets.close(response=False))
        finally:
            await self._gateway.close()

    def drop(self) -> None:
        """End the connection at once, on both sides."""
        self._ours.close()
        self._gateway.drop()

    async def _forth(self) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            turns = Turns()
            while data := await loop.sock_recv(self._ours, PORTION):
                await self._gateway.send(packets.data(data))
                await turns.give_way()

    async def _back(self) -> None:
        with suppress(OSError):
            while self.failure is None and await self._receive():
                pass

    async def _receive(self) -> bool:
        """Handle a message of the gateway. Return False if it was the last one."""
        try:
            data = await self._gateway.receive()
            if not data:
                if not self._tunnel.is_open:
                    self.failure = failures.lost(self._params)
                return False
            for event in self._tunnel.feed(data):
                await self._turns.give_way()  # there may be thousands
                if not isinstance(event, Received) or not event.data:
                    await self._rests.note()
                match event:
                    case Reply():
                        await self._gateway.send(event.data)
                    case Received():
                        await asyncio.get_running_loop().sock_sendall(self._ours, event.data)
                    case Opened():
                        self.allowed = event.allowed
                    case Told() if self._messages < MESSAGES_MAX:
                        self._messages += 1
                        self._tell(showable(event.text[:TOLD_MAX], lambda _: " "))
                    case Refused() | Ended():
                        if isinstance(event, Refused) or event.error not in (0, failures.GRACEFUL):
                            self.failure = failures.refused(self._params, event.error)
                        return False
        except (PacketError, FrameError):
            self.failure = failures.invalid(self._params)
            return False
        return True


class Gateway:
    """The gateway of a session.

    Args:
        session: the session, whose owner is asked for missing credentials.
        params: the parameters of the connection.
    """

    def __init__(self, session: SessionContext, params: RdpParams) -> None:
        self._session = session
        self._login = GatewayLogin.of(params)
        self._notice = Notice(session)

    async def connect(self, params: RdpParams) -> GatewayLink:
        """Return a connection to the host of these parameters, whose `run` is to be called.

        Raises:
            GuacrError: there is none.
        """
        while True:
            gateway = GatewaySocket(self._session.network, params, self._login)
            try:
                return await self._open(params, gateway)
            except MissingLoginError:
                await gateway.close()
                await self._login.ask(self._session)
            except BaseException:
                await gateway.close()
                raise

    async def _open(self, params: RdpParams, gateway: GatewaySocket) -> GatewayLink:
        await gateway.open()
        link = GatewayLink(params, gateway, self._note)
        try:
            await link.open()
        except BaseException:
            link.sock.close()
            await link.close()
            raise
        return link

    def _note(self, text: str) -> None:
        """Note what an administrator says: as long as there is no picture, for the log only."""
        self._session.log.info("the gateway says: %s", text)
        if self._session.connected:
            self._session.start_task(self._show(text), "gateway's message")

    async def _show(self, text: str) -> None:
        self._notice.show(f"The gateway says: {text}")
        await asyncio.sleep(TOLD_FOR)
        self._notice.clear()
