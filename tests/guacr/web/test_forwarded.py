"""The headers in which reverse proxies describe their clients, and the proxies that are trusted."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from guacr.daemon import Daemon
from guacr.net.connection_limits import ConnectionLimits
from guacr.settings.models import Settings
from tests.support.site import running_site


async def refused(caplog: pytest.LogCaptureFixture, settings: Any, **headers: str) -> str:
    """The address in the line about a refused session."""
    async with running_site(websocket=settings) as site:
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        socket = await site.connect("connection=none", headers=given)
        await socket.until("error")
    (line,) = [r.getMessage() for r in caplog.records if r.getMessage().startswith("refused ")]
    return line.split()[1].removesuffix(":")


NAMED = {"trusted_proxies": ["127.0.0.1", "10.0.0.0/8"]}
OTHER = {"trusted_proxies": ["10.0.0.1"]}
FORWARDED = {**NAMED, "proxy_headers": "forwarded"}


@pytest.mark.parametrize(
    ("settings", "headers", "address"),
    [
        ({}, {"X_Forwarded_For": "9.9.9.9"}, "127.0.0.1"),
        (OTHER, {"X_Forwarded_For": "9.9.9.9"}, "127.0.0.1"),
        (NAMED, {"X_Forwarded_For": "9.9.9.9"}, "9.9.9.9"),
        (NAMED, {"X_Forwarded_For": "6.6.6.6, 9.9.9.9, 10.1.2.3"}, "9.9.9.9"),
        (NAMED, {"X_Forwarded_For": "9.9.9.9:4711"}, "9.9.9.9"),
        (NAMED, {"X_Forwarded_For": "[2001:db8::1]:4711"}, "2001:db8::1"),
        (NAMED, {"X_Forwarded_For": "6.6.6.6, unknown"}, "127.0.0.1"),
        (NAMED, {"X_Forwarded_For": "9.9.9.9\tx"}, "127.0.0.1"),
        (NAMED, {"Forwarded": "for=6.6.6.6"}, "127.0.0.1"),
        (FORWARDED, {"Forwarded": 'for=6.6.6.6, For="[2001:db8::1]:5";proto=https'}, "2001:db8::1"),
        (FORWARDED, {"Forwarded": 'for="6.6.6.6, for=9.9.9.9'}, "9.9.9.9"),
        (FORWARDED, {"Forwarded": "for=_hidden"}, "127.0.0.1"),
        (FORWARDED, {"X_Forwarded_For": "6.6.6.6"}, "127.0.0.1"),
    ],
)
async def test_only_named_proxies_are_believed(
    caplog: pytest.LogCaptureFixture, settings: Any, headers: dict[str, str], address: str
) -> None:
    assert await refused(caplog, settings, **headers) == address


async def test_ipv4_is_written_as_such_where_a_port_serves_both_families(
    caplog: pytest.LogCaptureFixture,
) -> None:
    web = {"port": 0, "hosts": ["::"], "token_keys": ["k" * 32]}
    daemon = Daemon(Settings.model_validate({"server": {"hosts": []}, "websocket": web}))
    await daemon.start()
    try:
        async with aiohttp.ClientSession() as http:
            url = f"http://127.0.0.1:{daemon.web_port}/api/join"
            async with http.post(url, json={}, headers={"Origin": "http://a.example"}) as response:
                assert response.status == 403
    finally:
        await daemon.close()
    (line,) = [r.getMessage() for r in caplog.records if r.getMessage().startswith("refused ")]
    assert line.startswith("refused 127.0.0.1: ")


@pytest.mark.parametrize(
    ("forwarded", "origin", "status"),
    [
        ("for=9.9.9.9;proto=https;host=127.0.0.1:8443", "https://127.0.0.1:8443", 404),
        ("for=9.9.9.9;proto=https;host=localhost", "https://localhost", 404),
        ("for=9.9.9.9;proto=https;host=localhost:443", "https://localhost", 404),
        ("for=9.9.9.9;proto=https;host=localhost", "http://localhost", 403),
        ("for=9.9.9.9;proto=https;host=localhost", "https://localhost:8443", 403),
        ("for=9.9.9.9;host=desk.example", "https://desk.example", 403),
    ],
)
async def test_host_and_scheme_are_checked_as_the_proxy_says(
    forwarded: str, origin: str, status: int
) -> None:
    async with running_site(websocket=FORWARDED) as site:
        headers = {"Forwarded": forwarded, "Origin": origin}
        url = f"{site.origin}/api/join"
        async with site.http.post(url, json={"tunnel": "x"}, headers=headers) as response:
            assert response.status == status


def test_a_place_moves_to_the_address_behind_the_proxy() -> None:
    limits = ConnectionLimits(100, 1)
    first = limits.enter("proxy")
    first.move("one")
    second = limits.enter("proxy")
    with pytest.raises(Exception, match="wait for a session"):
        second.move("one")
    second.move("two")
    first.settle()
    second.leave()
    limits.enter("one")
    limits.enter("two")


@pytest.mark.parametrize(
    ("key", "value"),
    [("trusted_proxies", "proxy.example"), ("frame_ancestors", "https://a.example; script-src *")],
)
def test_settings_that_cannot_be_used(key: str, value: str) -> None:
    with pytest.raises(ValueError, match="must contain"):
        Settings.model_validate({"websocket": {key: [value]}})
