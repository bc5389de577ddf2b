"""Kubernetes: shows a command in a container, or its running program, in a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar

from typing_extensions import override

from guacr.api import (
    BadRequestError,
    Check,
    Connects,
    Params,
    SessionContext,
    Settings,
    UpstreamError,
    compute,
    shorten,
)
from guacr.api import Target as SessionTarget
from handlers import tls
from handlers.dial import resolve, unknown_host
from handlers.kubernetes import channels, kubeconfig, request
from handlers.kubernetes.execution import Programs
from handlers.kubernetes.files import ContainerFiles
from handlers.kubernetes.kubeconfig import Place
from handlers.kubernetes.params import KubernetesParams
from handlers.kubernetes.websocket import PORTION, ApiSocket, Target, connect
from handlers.offer import Offer
from handlers.sftp.names import Names
from handlers.terminal.files import FilesTerminalHandler
from handlers.tls import TlsTerms, context

CONNECT_TIMEOUT = 15.0
"""Seconds within which the API server must open the container's terminal."""
TOKEN_MAX = 8192
"""Maximum characters of a bearer token."""


class KubernetesHandler(FilesTerminalHandler[KubernetesParams]):
    """A session in a container."""

    name: ClassVar[str] = "kubernetes"
    connects: ClassVar[Connects] = Connects.CHECKED
    params_type: ClassVar[type[Params]] = KubernetesParams
    files_parameter: ClassVar[str] = "enable-files"

    def __init__(self, session: SessionContext, params: KubernetesParams) -> None:
        super().__init__(session, params)
        self._socket: ApiSocket | None = None
        self._shown = asyncio.Event()
        """True if the screen accepts more output."""
        self._shown.set()

    @classmethod
    @override
    def checks(cls, settings: Settings, params: KubernetesParams) -> Iterator[Check]:
        yield from super().checks(settings, params)
        merged, place = kubeconfig.applied(params)
        yield partial(request.address, merged, place.path)
        yield partial(_checked, merged.token.strip())
        if merged.use_ssl:
            yield partial(tls.check, _tls_terms(merged))

    def target(self) -> SessionTarget:
        """The pod, and where it is; Kubernetes has no user names here."""
        params = self.params
        return SessionTarget(f"{params.namespace}/{params.pod} at {params.hostname}:{params.port}")

    @override
    async def run(self) -> None:
        self.params, place = await compute(kubeconfig.applied, self.params)
        params = self.params
        target = Target(
            address=request.address(params, place.path),
            host=params.hostname,
            port=params.port,
            addresses=await self._addresses(params),
            server_name=place.server_name,
            token=_checked(params.token.strip()),
            tls=await context(_tls_terms(params)) if params.use_ssl else None,
            timeout=CONNECT_TIMEOUT,
        )
        socket = self._socket = await connect(target, self._input_blocked)
        farewell = ""
        try:
            self.session.set_name(f"{params.pod} ({params.namespace})")
            self._tell_size(socket)
            self.start_input()
            if params.enable_files:
                self.files = self._offer(target, place)
                self.session.start_task(self.files.run(), "files")
            farewell = await self._show(socket)
        finally:
            self._socket = self.files = None
            try:
                await self.finish_output(farewell)
            finally:  # the last user may leave in the meantime
                await socket.close()

    async def _addresses(self, params: KubernetesParams) -> tuple[str, ...]:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                found = await resolve(self.session.network, params.hostname, params.port)
        except TimeoutError:
            raise unknown_host(params.hostname) from None
        return tuple(address[0] for _, address in found)

    def _tell_size(self, socket: ApiSocket) -> None:
        columns, rows, _, _ = self.window
        if not self.params.exec_command.strip():
            # a running program redraws itself when its size changes
            socket.send(channels.resize(columns, rows + 1))
        socket.send(channels.resize(columns, rows))

    async def _show(self, socket: ApiSocket) -> str:
        """Run until the container's program has ended; return the line to show below its output."""
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

    def _offer(self, target: Target, place: Place) -> Offer:
        """Return the container's files, over connections of their own."""
        params = self.params

        async def run(
            words: Sequence[str], has_input: bool, on_blocked: Callable[[bool], None]
        ) -> ApiSocket:
            address = request.files_address(params, place.path, words, has_input=has_input)
            addresses = await self._addresses(params)
            return await connect(replace(target, address=address, addresses=addresses), on_blocked)

        files = ContainerFiles(
            Programs(run),
            params.files_root_directory,
            Names(self.text.decode, partial(self.text.encode, what="the name")),
            may_read=not params.disable_download,
            may_write=not params.disable_upload,
        )
        return Offer(self.session, files, "", self.tell_owner)

    def _input_blocked(self, blocked: bool) -> None:
        if blocked:
            self.pause_input()
        else:
            self.resume_input()

    # ---- TerminalHandler

    @override
    def send(self, data: bytes) -> None:
        if self._socket is not None:
            for start in range(0, len(data), PORTION):
                self._socket.send(channels.stdin(data[start : start + PORTION]))

    @override
    def window_changed(self, columns: int, rows: int, width: int, height: int) -> None:
        if self._socket is not None:
            self._socket.send(channels.resize(columns, rows))

    @override
    def block_output(self, blocked: bool) -> None:
        if blocked:
            self._shown.clear()
        else:
            self._shown.set()


def _checked(token: str) -> str:
    """Check that a token is valid in a header."""
    if len(token) > TOKEN_MAX or not (token.isascii() and (token.isprintable())):
        raise BadRequestError(
            f"parameter token must be at most {TOKEN_MAX} printable characters in one line"
        )
    return token


def _tls_terms(params: KubernetesParams) -> TlsTerms:
    return TlsTerms(
        authorities=params.ca_cert,
        ignore=params.ignore_cert,
        certificate=params.client_cert,
        key=params.client_key,
    )
