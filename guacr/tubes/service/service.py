"""Tubes of browsers as a service of the daemon, with the endpoint of their signalling."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable

from aiohttp import web
from typing_extensions import override

from guacr.addresses import network_of
from guacr.errors import BadRequestError, BusyError, ForbiddenError, GuacrError, ShutdownError
from guacr.services import Service
from guacr.settings.models import Settings
from guacr.transport.base import Transport
from guacr.transport.websocket import client_of
from guacr.tubes.reasons import CloseReason
from guacr.tubes.service.browser_tube import BrowserTube
from guacr.tubes.service.ice_servers import configuration, ice_settings
from guacr.tubes.service.messages import Candidate, Offer, Resume
from guacr.tubes.service.signalling import Signalling
from guacr.web.misplaced import TUBE_PARAMETER
from guacr.web.refused import report
from guacr.web.tunnels import Tunnels

SIGNALLING_TIME = 45.0
"""Seconds of a signalling connection; less than any HTTP request may take (`guacr.web.guard`)."""
CLOSE_TIMEOUT = 3.0
"""Seconds for the ends of all tubes."""

log = logging.getLogger("guacr.tubes")


class TubeService(Service):
    """Accepts the tubes of browsers according to the `webrtc` settings.

    Raises:
        IceSettingsError: a server of the settings cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.webrtc
        ice_settings(self._settings, 0)
        self._tubes: dict[str, BrowserTube] = {}
        self._networks: Counter[str] = Counter()
        """How many tubes the browsers of an address have."""
        self._signallings: set[Signalling] = set()
        self._is_stopped = False

    @override
    async def start(self) -> None:
        log.info("sessions over WebRTC are offered")

    @override
    def reload(self, settings: Settings) -> Callable[[], None]:
        ice_settings(settings.webrtc, 0)

        def apply() -> None:
            self._settings = settings.webrtc

        return apply

    @override
    def stop(self) -> None:
        self._is_stopped = True
        for signalling in self._signallings:
            signalling.end()

    @override
    async def close(self) -> None:
        tubes = list(self._tubes.values())
        for tube in tubes:
            tube.close_soon(CloseReason.ADMIN_CLOSED)
        if tubes:
            ends = [asyncio.ensure_future(tube.close(CloseReason.ADMIN_CLOSED)) for tube in tubes]
            await asyncio.wait(ends, timeout=CLOSE_TIMEOUT)

    @property
    def tubes(self) -> int:
        """The tubes that are open."""
        return len(self._tubes)

    # ---- signalling

    async def serve(self, request: web.Request, tunnels: Tunnels) -> web.StreamResponse:
        """Serve a signalling connection until it is closed, or its time is over."""
        signalling = await Signalling.accept(request)
        self._signallings.add(signalling)
        refusal: GuacrError | None = None
        try:
            async with asyncio.timeout(SIGNALLING_TIME):
                await self._signal(request, signalling, tunnels)
        except GuacrError as error:
            report(request.remote, error)
            refusal = error
        except TimeoutError:
            pass  # a tube that is connected needs it no more
        finally:
            self._signallings.discard(signalling)
            await signalling.close(refusal)
        return signalling.response

    async def _signal(self, request: web.Request, signalling: Signalling, tunnels: Tunnels) -> None:
        if TUBE_PARAMETER in request.query:
            tube = await self._known(request.query[TUBE_PARAMETER], signalling)
        else:
            tube = None
            tunnels.check(request.query.items())
        signalling.send({"type": "servers", **configuration(self._settings, time.time())})
        try:
            while (message := await signalling.receive()) is not None:
                match message:
                    case Offer():
                        tube = tube or self._new(request, tunnels)
                        tube.attach(signalling)
                        await self._answer(tube, signalling, message)
                    case Candidate() if tube is not None:
                        tube.add_candidate(message.candidate)
                    case Candidate():
                        raise BadRequestError("a candidate came before the offer")
                    case Resume():
                        raise BadRequestError("signalling of this tube is here already")
        finally:
            if tube is not None:
                tube.detach(signalling)

    async def _known(self, name: str, signalling: Signalling) -> BrowserTube:
        """Return a tube that is there, if the browser knows its secret."""
        message = await signalling.receive()
        tube = self._tubes.get(name)
        if tube is None or not isinstance(message, Resume) or not tube.knows(message.secret):
            raise ForbiddenError("this WebRTC connection is over: connect again")
        return tube

    def _new(self, request: web.Request, tunnels: Tunnels) -> BrowserTube:
        if self._is_stopped:
            raise ShutdownError
        if len(self._tubes) >= self._settings.max_tubes:
            raise BusyError(f"all {self._settings.max_tubes} WebRTC connections are in use")
        network = network_of(request.remote) if request.remote else ""
        if self._networks[network] >= (most := self._settings.max_tubes_per_address):
            raise BusyError(f"all {most} WebRTC connections of this address are in use")
        query = list(request.query.items())

        def begin(transport: Transport) -> Callable[[], None]:
            tunnel = tunnels.begin(query, transport)
            return lambda: tunnels.end(tunnel)

        tube = BrowserTube(
            client_of(request, "webrtc"),
            ice_settings(self._settings, time.time()),
            begin,
            lambda tube: self._forget(tube, network),
        )
        self._tubes[tube.id] = tube
        self._networks[network] += 1
        return tube

    async def _answer(self, tube: BrowserTube, signalling: Signalling, offer: Offer) -> None:
        sdp = await tube.answer(offer.sdp)
        signalling.send({"type": "answer", "sdp": sdp, "tube": tube.id, "secret": tube.secret})

    def _forget(self, tube: BrowserTube, network: str) -> None:
        del self._tubes[tube.id]
        self._networks[network] -= 1
        if not self._networks[network]:
            del self._networks[network]
