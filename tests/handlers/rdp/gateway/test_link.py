"""The end of a link through a gateway."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from guacr.api import SessionContext, unrestricted
from handlers.notice import Notice
from handlers.rdp.params import RdpParams
from handlers.rdp.route import Route
from tests.support.certificates import Authority
from tests.support.hostile_gateway import HostileGateway, frame, packet
from tests.support.scripted_host import scripted_host
from tests.support.waiting import until


class Ending:
    """A session that ends as soon as the tunnel is open."""

    network = unrestricted()

    def start_task(self, work: Any, name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        task.cancel()
        return task


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
async def test_a_session_that_ends_once_the_tunnel_is_open(
    authority: Authority, tmp_path: Path
) -> None:
    gateway = HostileGateway(flood=frame(2, packet(13)), pause=0.01)
    session = cast(SessionContext, Ending())
    async with scripted_host(gateway.script, authority.server_context(tmp_path)) as found:
        params = RdpParams.parse(
            {
                "hostname": "desk.internal",
                "gateway-hostname": "localhost",
                "gateway-port": found["port"],
                "gateway-ca-cert": authority.certificate,
            }
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("handlers.rdp.gateway.gateway.Notice", lambda _: None)
            route = Route(session, params, cast(Notice, None))
            connection = await route.begin(params, None)
        with connection.sock as sock:
            sock.setblocking(False)
            async with asyncio.timeout(5):
                while await asyncio.get_running_loop().sock_recv(sock, 99):
                    pass
        await until(lambda: gateway.is_left, "the end of the connection", 5)
