"""A daemon in the test's own process."""

from __future__ import annotations

import pytest

from guacr.testing.client import GuacClient
from guacr.testing.daemon import address, local_settings, running_daemon
from tests.support.loopback import SketchHandler


async def test_only_the_given_protocols_are_offered() -> None:
    async with running_daemon(SketchHandler) as daemon:
        assert daemon.registry.protocols.names == ["sketch"]
        async with await GuacClient.connect(address(daemon), "sketch") as client:
            await client.frame()
        async with await GuacClient.dial(*address(daemon)) as client:
            client.send("select", "ssh")
            await client.wait_closed()
            ((message, _),) = client.state.errors
            assert "known protocols are sketch" in message


async def test_installed_ones_are_offered_by_default() -> None:
    async with running_daemon() as daemon:
        assert {"ssh", "testcard"} <= set(daemon.registry.protocols.names)


async def test_it_has_ended_after_the_block() -> None:
    async with running_daemon(SketchHandler) as daemon:
        place = address(daemon)
    with pytest.raises(ConnectionRefusedError):
        await GuacClient.dial(*place)


def test_settings_replace_whole_sections() -> None:
    settings = local_settings(session={"max_users": 3})
    assert settings.session.max_users == 3
    assert (settings.server.hosts, settings.server.port) == (("127.0.0.1",), 0)
    assert not settings.websocket.enabled
