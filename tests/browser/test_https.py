"""The page with a certificate of its own, without a reverse proxy: WebSocket and WebRTC."""

from __future__ import annotations

from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.session.protocols import Protocols
from guacr.testing.daemon import LOCAL, local_settings
from tests.browser.visit import CONNECTED
from tests.support.browser import Page
from tests.support.certificates import Authority
from tests.support.loopback import SketchHandler
from tests.support.webrtc import WEBRTC

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("tubes", [0, 1])
async def test_a_session_over_https(page: Page, tmp_path: Path, tubes: int) -> None:
    pair = Authority().issue("server")
    (tmp_path / "server.pem").write_text(pair.certificate + pair.key)
    daemon = Daemon(
        local_settings(
            websocket={"hosts": LOCAL, "port": 0, "tls_certificate": tmp_path / "server.pem"},
            connections={"sketch": {"protocol": "sketch"}},
            webrtc=WEBRTC if tubes else {},
        ),
        protocols=Protocols({"sketch": SketchHandler}),
    )
    await daemon.start()
    try:
        await page.call("Security.setIgnoreCertificateErrors", ignore=True)
        await page.goto(f"https://127.0.0.1:{daemon.web_port}/#connection=sketch")
        await page.until(CONNECTED, "the first picture")
        assert await page.run("isSecureContext")
        assert daemon.tubes == tubes
        assert page.errors == []
    finally:
        await daemon.close()
