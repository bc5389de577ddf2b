"""How a session reaches its hosts: directly, or through a gateway."""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from functools import partial

from guacr.api import ForbiddenError, GuacrError, SessionContext, UpstreamError, shorten
from handlers.dial import dial
from handlers.notice import Notice
from handlers.rdp.gateway.gateway import Gateway, GatewayLink
from handlers.rdp.gateway.tunnel import Allowed
from handlers.rdp.params import RdpParams
from handlers.rdp.redirection import Redirection, check_address
from handlers.wake import Wake, reach, send


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection to a host."""

    params: RdpParams
    """The parameters, with the name by which the host was reached."""
    sock: socket.socket
    """Non-blocking."""
    link: GatewayLink | None = None
    """With a gateway, the way through it."""

    @property
    def failure(self) -> GuacrError | None:
        """Why a gateway has ended the connection, if it has."""
        return None if self.link is None else self.link.failure

    @property
    def allowed(self) -> Allowed:
        """The redirections that a gateway, if there is one, allows."""
        return Allowed() if self.link is None else self.link.allowed


class Route:
    """The way to the hosts of a session.

    Args:
        session: the session.
        params: the parameters of its connection.
        notice: tells the users what happens on the way.
    """

    def __init__(self, session: SessionContext, params: RdpParams, notice: Notice) -> None:
        self._session = session
        self._notice = notice
        self._gateway = Gateway(session, params) if params.gateway_hostname else None
        self._origin = params.hostname
        """The first host: its address, if it is known."""

    async def begin(self, params: RdpParams, wake: Wake | None) -> Connection:
        """Connect to the first host, which is woken if that is wanted.

        Raises:
            GuacrError: it cannot be reached.
        """
        if self._gateway is not None:
            if wake is not None:
                await send(self._session.network, wake)
            return await self._through(self._gateway, params)
        sock = await reach(
            self._session.network,
            params.hostname,
            params.used_port,
            params.timeout,
            wake,
            self._notice.show,
        )
        self._notice.clear()
        self._origin = sock.getpeername()[0]
        return _direct(params, sock)

    async def follow(self, params: RdpParams, redirection: Redirection) -> Connection:
        """Connect to the first of a target's names that can be reached.

        Raises:
            GuacrError: there is none.
        """
        failed: list[GuacrError] = []
        for host in redirection.hosts:
            try:
                found = await self._again(replace(params, hostname=host), redirection)
            except (UpstreamError, ForbiddenError) as error:  # of rules, too, which differ by name
                failed.append(error)
            else:
                self._session.log.info("redirected to %s", shorten(host))
                name = redirection.name or host
                return replace(found, params=replace(params, hostname=name))
        raise failed[0]

    async def again(self, params: RdpParams, redirection: Redirection | None) -> Connection:
        """Connect to a host once more, which a redirection may have led to.

        Raises:
            GuacrError: it cannot be reached.
        """
        if redirection is not None:
            return await self.follow(params, redirection)
        return await self._again(params, None)

    async def _again(self, params: RdpParams, redirection: Redirection | None) -> Connection:
        check = partial(check_address, origin=self._origin) if redirection else None
        if self._gateway is None:
            network, port = self._session.network, params.used_port
            sock = await dial(network, params.hostname, port, params.timeout, check)
            return _direct(params, sock)
        if check is not None:
            check(params.hostname)  # names are resolved by the gateway
        return await self._through(self._gateway, params)

    async def _through(self, gateway: Gateway, params: RdpParams) -> Connection:
        self._session.network.check_beyond(params.hostname, params.used_port)
        link = await gateway.connect(params)
        task = self._session.start_task(link.run(), "gateway")
        task.add_done_callback(lambda _: link.drop())  # it may be cancelled before it has begun
        return Connection(params, link.sock, link)


def _direct(params: RdpParams, sock: socket.socket) -> Connection:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Connection(params, sock)
