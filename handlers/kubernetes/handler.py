"""Kubernetes: shows a command in a container, or what runs there already, in a terminal."""

from __future__ import annotations

import asyncio
import ssl
from typing import ClassVar

from guacr.errors import BadRequestError, UpstreamError, shorten
from guacr.session.params import Params
from guacr.session.session import Session
from guacr.settings import Settings
from handlers.kubernetes import channels, kubeconfig, request
from handlers.kubernetes.params import KubernetesParams
from handlers.kubernetes.websocket import PORTION, ApiSocket, Target, connect
from handlers.terminal.handler import TerminalHandler
from handlers.tls import TlsTerms, context

CONNECT_TIMEOUT = 15.0
"""Seconds until the API server has to have opened the container's terminal."""
TOKEN_MAX = 8192
"""Characters of a bearer token."""


class KubernetesHandler(TerminalHandler):
    """One session in a container."""

    name: ClassVar[str] = "kubernetes"
    params_type: ClassVar[type[Params]] = KubernetesParams
    params: KubernetesParams

    def __init__(self, session: Session, params: KubernetesParams) -> None:
        super().__init__(session, params)
        self._socket: ApiSocket | None = None
        self._shown = asyncio.Event()
        """Whether the screen takes more output."""
        self._shown.set()

    @classmethod
    def check(cls, settings: Settings, params: Params) -> None:
        """See `ProtocolHandler.check`."""
        assert isinstance(params, KubernetesParams)  # noqa: S101 - its own type
        merged, place = kubeconfig.applied(params)
        request.address(merged, place.path)
        _checked(merged.token.strip())

    async def run(self) -> None:
        """See `ProtocolHandler.run`."""
        self.params, place = await asyncio.to_thread(kubeconfig.applied, self.params)
        params = self.params
        target = Target(
            address=request.address(params, place.path),
            host=params.hostname,
            port=params.port,
            server_name=place.server_name,
            token=_checked(params.token.strip()),
            tls=await self._tls(),
            timeout=CONNECT_TIMEOUT,
        )
        socket = self._socket = await connect(target, self._input_blocked)
        farewell = ""
        try:
            self.session.set_name(f"{params.pod} ({params.namespace})")
            self._tell_size(socket)
            self.start_input()
            farewell = await self._show(socket)
        finally:
            self._socket = None
            try:
                await self.finish_output(farewell)
            finally:  # the last user may leave meanwhile
                await socket.close()

    async def _tls(self) -> ssl.SSLContext | None:
        params = self.params
        if not params.use_ssl:
            return None
        return await context(
            TlsTerms(
                authorities=params.ca_cert,
                ignore=params.ignore_cert,
                certificate=params.client_cert,
                key=params.client_key,
            )
        )

    def _tell_size(self, socket: ApiSocket) -> None:
        columns, rows, _, _ = self.window
        if not self.params.exec_command.strip():
            # a program that runs already draws itself anew when its size changes
            socket.send(channels.resize(columns, rows + 1))
        socket.send(channels.resize(columns, rows))

    async def _show(self, socket: ApiSocket) -> str:
        """Until the container's program has ended: what is to be shown below its output."""
        while (message := await socket.receive()) is not None:
            said = channels.read(message)
            if isinstance(said, channels.Ended):
                if said.error:
                    raise UpstreamError(
                        f"pod {shorten(self.params.pod)} cannot do this: {said.error}"
                    )
                return ""
            self.feed(said)
            await self._shown.wait()
        return "The API server has closed the connection" + (
            f": {socket.reason}" if socket.reason else "."
        )

    def _input_blocked(self, blocked: bool) -> None:
        if blocked:
            self.pause_input()
        else:
            self.resume_input()

    # ---- TerminalHandler

    def send(self, data: bytes) -> None:
        """See `TerminalHandler.send`."""
        if self._socket is not None:
            for start in range(0, len(data), PORTION):
                self._socket.send(channels.stdin(data[start : start + PORTION]))

    def window_changed(self, columns: int, rows: int, width: int, height: int) -> None:
        """See `TerminalHandler.window_changed`."""
        if self._socket is not None:
            self._socket.send(channels.resize(columns, rows))

    def block_output(self, blocked: bool) -> None:
        """See `TerminalHandler.block_output`."""
        if blocked:
            self._shown.clear()
        else:
            self._shown.set()


def _checked(token: str) -> str:
    """A token that may stand in a header."""
    if len(token) > TOKEN_MAX or not (token.isascii() and (token.isprintable())):
        raise BadRequestError(
            f"parameter token must be at most {TOKEN_MAX} printable characters in one line"
        )
    return token
