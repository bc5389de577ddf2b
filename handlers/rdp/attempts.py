"""The attempts to show a host: one connection after another, until no other is to be expected."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from guacr.api import GuacrError, SessionContext, UpstreamError, forget_frames
from handlers.dial import dial
from handlers.notice import Notice
from handlers.rdp import failures, negotiation
from handlers.rdp.desktop import Desktop
from handlers.rdp.login import Login
from handlers.rdp.options import excludes
from handlers.rdp.params import RdpParams
from handlers.rdp.redirection import FOLLOWED_MAX, Redirection
from handlers.rdp.route import Connection, Route
from handlers.rdp.server import MissingCredentialsError, Server
from handlers.wake import wake_of

RETRY_PAUSE = 1.0
"""Seconds between two attempts to reach the host."""
PROBE_AFTER = 3.0
"""Seconds after which a host that has not got as far as TLS is asked whether it speaks RDP."""

NewServer = Callable[[Connection, Login, str, Redirection | None], Server]
"""Makes the server of a connection, for a login, with a security protocol, and after a
redirection."""


class Attempts:
    """Connects to a host, and again if the connection is lost, or the host says what is next.

    Args:
        session: shows the host.
        params: returns the parameters, with the present values of those that change.
        login: what is missing of it is asked for.
        desktop: what all connections draw on.
        new_server: makes the server of each connection.
    """

    def __init__(
        self,
        session: SessionContext,
        params: Callable[[], RdpParams],
        login: Login,
        desktop: Desktop,
        new_server: NewServer,
    ) -> None:
        self.server: Server | None = None
        """The present connection."""
        self._session = session
        self._params = params
        self._login = login
        self._desktop = desktop
        self._new_server = new_server
        self._notice = Notice(session)
        self._route = Route(session, params(), self._notice)
        self._security = params().security or "any"
        self._redirection: Redirection | None = None
        """Where the next connection leads; None for the first host."""
        self._followed = 0
        """Redirections since a connection was stable."""
        self._left = params().autoretry
        """Attempts since then."""

    async def run(self) -> None:
        """Show the host until the user logs off.

        Raises:
            GuacrError: another attempt cannot succeed, or none is left.
        """
        while True:
            try:
                server, reason = await self._attempt()
            except MissingCredentialsError:
                await self._login.ask(self._session)
                self._redirection = None
                continue
            if server is not None and await self._has_told_what_is_next(server, reason):
                continue
            # What a redirection has told counts once: after it, the first host is asked again.
            self._redirection = None
            if server is not None and server.is_outdated:
                continue
            if reason is None:
                return
            if not self._left:
                raise reason
            await self._pause(reason)
            self._left -= 1

    async def _attempt(self) -> tuple[Server | None, GuacrError | None]:
        """Show the desktop until the connection ends. Return the server, if it could be reached,
        and the reason if another attempt may succeed; without one, the user has logged off, or the
        server says what is next.

        Raises:
            GuacrError: another attempt cannot succeed.
        """
        server: Server | None = None
        redirection = self._redirection
        try:
            connection = await self._connect()
            login = redirection.login(self._login) if redirection else self._login
            server = self.server = self._new_server(connection, login, self._security, redirection)
            probe = self._session.start_task(self._probe(server), "RDP probe")
            try:
                await server.run()
            finally:
                probe.cancel()
        except UpstreamError as error:
            if server is not None and not server.may_retry:
                raise
            forget_frames(error)
            return server, error
        finally:
            self.server = None
            if server is not None:
                await server.close()
        return server, None

    async def _connect(self) -> Connection:
        if self._redirection is not None:
            return await self._route.follow(self._params(), self._redirection)
        # once the desktop has been shown, the person may have shut the host down
        wake = None if self._desktop.is_shown else wake_of(self._params())
        return await self._route.begin(self._params(), wake)

    async def _has_told_what_is_next(self, server: Server, reason: GuacrError | None) -> bool:
        """Prepare the next attempt if the server wants it elsewhere, or with another protocol;
        return False if it wants neither.

        Raises:
            GuacrError: it wants what must not be.
        """
        if server.was_stable:
            self._left, self._followed = self._params().autoretry, 0
        if server.redirection is not None:
            self._followed += 1
            if self._followed > FOLLOWED_MAX:
                raise failures.too_many_redirections(server.params, FOLLOWED_MAX)
            self._redirection = server.redirection
            self._security = self._params().security or "any"
            return True
        if reason is None or not server.has_disagreed:
            return False
        other = await self._other_protocol(server.params)
        self._security = other or self._security
        return other is not None

    async def _other_protocol(self, params: RdpParams) -> str | None:
        """Return the security protocol to connect with, as the server wants another one; None if
        it does not. FreeRDP itself cannot: it has no second socket.

        Raises:
            GuacrError: the parameters exclude what the server wants, or it cannot be reached.
        """
        connection = await self._route.again(params, self._redirection)
        try:
            protocol = await negotiation.wanted(connection.sock)
        except negotiation.NotRdpError as error:
            raise failures.not_rdp(params, str(error)) from None
        if protocol is None or not excludes(params, self._security, protocol):
            return None
        if protocol == negotiation.RDP and self._security == "any" and params.ignore_cert:
            return protocol
        raise failures.wants(params, protocol)

    async def _probe(self, server: Server) -> None:
        """End the connection if the host is none for RDP: the engine may take what it has sent for
        the beginning of a message."""
        await asyncio.sleep(PROBE_AFTER)
        params = server.params
        if server.has_begun or self._redirection is not None or params.gateway_hostname:
            return
        with suppress(GuacrError):
            network = self._session.network
            sock = await dial(network, params.hostname, params.used_port, params.timeout)
            try:
                await negotiation.wanted(sock)
            except negotiation.NotRdpError as error:
                server.fail(failures.not_rdp(params, str(error)))

    async def _pause(self, reason: GuacrError) -> None:
        left = self._left
        self._session.log.info("attempts left: %d, after: %s", left, reason)
        if self._desktop.is_shown:
            self._notice.show(
                f"The connection to {failures.named(self._params())} was lost. Connecting again, "
                f"attempts left: {left}. What you type and click until then is lost."
            )
        await asyncio.sleep(RETRY_PAUSE)
