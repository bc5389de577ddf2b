"""The page below a path of a reverse proxy with TLS: nginx, as the documentation sets it up."""

from __future__ import annotations

import pytest

from tests.browser.visit import CONNECTED, TYPED_A, happened, sessions
from tests.support.browser import Browser, Page
from tests.support.nginx import nginx
from tests.support.site import running_site
from tests.support.webrtc import WEBRTC

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_the_page_below_a_path_of_nginx(browser: Browser, page: Page) -> None:
    proxies = {"trusted_proxies": ["127.0.0.1"]}
    async with running_site(websocket=proxies) as site, nginx(site.origin) as (origin, _):
        await page.call("Security.setIgnoreCertificateErrors", ignore=True)
        await page.goto(f"{origin}/guac/")
        await page.click(".card")
        await page.until(CONNECTED, "the first picture")
        await page.until("document.activeElement.id === 'sink'", "the focus")
        await page.type("a")
        await happened(site, "key", TYPED_A, False)
        await page.click("#bar-toggle")
        await page.click("#action-share")
        link = await page.until("document.querySelector('#share-link').value", "the link")
        assert link.startswith(f"{origin}/guac/#token=")
        viewer = await browser.page()
        await viewer.call("Security.setIgnoreCertificateErrors", ignore=True)
        await viewer.goto(link)
        await viewer.until(CONNECTED, "the picture by the link")
        await viewer.close()
        assert page.errors == []
        assert sessions(site)


async def test_webrtc_below_a_path_of_nginx(page: Page) -> None:
    proxies = {"trusted_proxies": ["127.0.0.1"]}
    async with (
        running_site(websocket=proxies, webrtc=WEBRTC) as site,
        nginx(site.origin) as (origin, _),
    ):
        await page.call("Security.setIgnoreCertificateErrors", ignore=True)
        await page.goto(f"{origin}/guac/#connection=sketch")
        await page.until(CONNECTED, "the first picture")
        assert site.tubes is not None
        assert site.tubes.tubes == 1
        (session,) = sessions(site)
        assert [user.link.peer for user in session.users] == ["127.0.0.1"]


async def test_what_nginx_says_of_its_client_counts() -> None:
    websocket = {"trusted_proxies": ["127.0.0.1"], "frame_ancestors": ["https://a.example"]}
    secret = "the-secret-of-this-start"
    async with running_site(secret, websocket=websocket) as site, nginx(site.origin) as behind:
        origin, trust = behind
        address = f"{origin}/guac/?secret={secret}"
        async with site.http.get(address, ssl=trust) as response:
            assert response.status == 200
            assert "; Secure" in response.headers["Set-Cookie"]
            policy = response.headers["Content-Security-Policy"]
            assert "frame-ancestors https://a.example" in policy
            assert "X-Frame-Options" not in response.headers
        cookie = {"Cookie": response.headers["Set-Cookie"].partition(";")[0]}
        for page, status in ((origin, 200), (origin.replace("https", "http"), 403)):
            headers = {"Origin": page, **cookie}
            body = {"tunnel": "none"}
            url = f"{origin}/guac/api/join"
            async with site.http.post(url, json=body, headers=headers, ssl=trust) as response:
                assert (response.status == 403) is (status == 403)
