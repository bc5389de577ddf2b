"""The page's port: whose connections end with a reload."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import aiohttp
import pytest

from guacr.testing.daemon import LOCAL, local_settings, running_daemon
from tests.support.certificates import Authority
from tests.support.loopback import SketchHandler


async def test_another_ca_ends_all_connections_but_those_of_sessions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guacr.web.listener.KEEP_ALIVE", 300)
    ours, theirs = Authority(), Authority()
    server, client, ca = (tmp_path / f"{name}.pem" for name in ("server", "client", "ca"))
    for file in (server, client):
        pair = ours.issue(file.stem)
        file.write_text(pair.certificate + pair.key)
    ca.write_text(ours.certificate)
    settings = local_settings(
        server={"hosts": LOCAL, "port": 0},
        websocket={"hosts": LOCAL, "port": 0, "tls_certificate": server, "tls_client_ca": ca},
        connections={"sketch": {"protocol": "sketch"}},
    )
    known = ssl.create_default_context(cadata=ours.certificate)
    known.load_cert_chain(client)
    async with running_daemon(SketchHandler, settings=settings) as daemon:
        origin = f"https://{LOCAL[0]}:{daemon.web_port}"
        async with aiohttp.ClientSession() as http:
            url = f"{origin}/websocket?connection=sketch"
            socket = await http.ws_connect(
                url, protocols=["guacamole"], headers={"Origin": origin}, ssl=known
            )
            await socket.receive_str()
            reader, writer = await asyncio.open_connection(LOCAL[0], daemon.web_port, ssl=known)
            writer.write(b"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            await reader.readuntil(b"}")
            ca.write_text(theirs.certificate)
            daemon.reload(settings.model_copy())
            async with asyncio.timeout(20):
                assert await reader.read() == b""
                await socket.send_str("0.,4.ping,2.42;")
                while "4.ping,2.42;" not in await socket.receive_str():
                    pass
            with pytest.raises(aiohttp.ClientError):
                await http.get(f"{origin}/live", ssl=known)
            writer.close()
            await socket.close()
