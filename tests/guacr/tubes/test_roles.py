"""What the settings of a conversation make."""

from __future__ import annotations

from typing import Any

from guacr.tubes.connections.listener import Listener
from guacr.tubes.connections.target import FixedTarget, SocksTargets
from guacr.tubes.events import ConnectionEnded
from guacr.tubes.roles import make_backend, make_front
from guacr.tubes.settings import GuacdSettings, parse
from tests.support.conversations import echo, server, talk
from tests.support.waiting import until


class Sessions:
    """Stands for the backend of Guacamole sessions."""

    def __init__(self, settings: GuacdSettings) -> None:
        self.settings = settings

    open: Any = None


def backend(**settings: Any) -> object:
    return make_backend(parse(settings, is_offerer=False), Sessions)


async def test_each_kind_has_its_backend() -> None:
    assert isinstance(backend(conversationType="tunnel"), FixedTarget)
    assert isinstance(backend(conversationType="tunnel", allowed_ports="80"), SocksTargets)
    assert isinstance(backend(conversationType="ssh"), Sessions)
    assert backend(conversationType="python_handler") is None


async def test_offerers_listen_if_they_are_told_where() -> None:
    settings = {"conversationType": "tunnel", "local_listen_addr": "127.0.0.1:0"}
    listener = make_front(parse(settings, is_offerer=True))

    assert isinstance(listener, Listener)
    listener.close()
    assert make_front(parse({"conversationType": "tunnel"}, is_offerer=True)) is None


async def test_settings_make_a_tunnel() -> None:
    async with server(echo) as port:
        there = parse(
            {"conversationType": "tunnel", "target_host": "localhost", "target_port": str(port)},
            is_offerer=False,
        )
        async with talk(make_backend(there, Sessions)) as one:
            reader, writer = await one.connect()
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
            writer.close()


async def test_a_tunnel_without_target_says_so() -> None:
    there = parse({"conversationType": "tunnel"}, is_offerer=False)
    async with talk(make_backend(there, Sessions)) as one:
        reader, writer = await one.connect()
        assert await reader.read() == b""
        writer.close()
        await until(lambda: one.seen(0, ConnectionEnded), "the refusal")

        assert one.seen(0, ConnectionEnded)[0].text == (
            "PortForward target host/port not configured in channel protocol state"
        )
