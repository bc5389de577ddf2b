"""What the settings of conversations make."""

from __future__ import annotations

import pytest

from guacr.tubes.connections.allow import AllowRules
from guacr.tubes.connections.connection import Backend
from guacr.tubes.connections.handler import Handler
from guacr.tubes.connections.target import FixedTarget, SocksTargets
from guacr.tubes.errors import TubeSettingsError
from guacr.tubes.events import ConnectionEnded
from guacr.tubes.guacamole.guacd import GuacdBackend
from guacr.tubes.guacamole.local_sessions import LocalSessions
from guacr.tubes.plans import Plan, make_plan
from guacr.tubes.settings import (
    ConnectAsSettings,
    ConversationSettings,
    CustomSettings,
    GuacdSettings,
    HandlerSettings,
    ListenerSettings,
    NoSettings,
    SocksSettings,
    TargetSettings,
)
from tests.support.conversations import echo, server, talk
from tests.support.waiting import until


async def planned(settings: ConversationSettings) -> Plan:
    return await make_plan(
        "c", settings, sessions=LocalSessions(), on_event=lambda event: None, fragmented=True
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (TargetSettings("h", 1), FixedTarget),
        (SocksSettings(AllowRules.parse([], [80])), SocksTargets),
        (GuacdSettings("http", "127.0.0.1"), GuacdBackend),
        (NoSettings(), type(None)),
    ],
)
async def test_each_kind_has_its_backend(
    settings: ConversationSettings, expected: type[Backend]
) -> None:
    plan = await planned(settings)

    assert isinstance(plan.backend, expected)
    assert (plan.id, plan.front, plan.address, plan.fragmented) == ("c", None, "", True)


async def test_a_listener_listens_at_once_until_its_plan_is_closed() -> None:
    plan = await planned(ListenerSettings())

    again = ListenerSettings(port=int(plan.address.rpartition(":")[2]))
    with pytest.raises(TubeSettingsError, match="Failed to bind to 127"):
        await planned(again)

    plan.close()
    (await planned(again)).close()


async def test_an_application_is_both_ends_of_its_conversation() -> None:
    plan = await planned(HandlerSettings(lambda events: None))

    assert isinstance(plan.front, Handler)
    assert plan.backend is plan.front


async def test_parts_of_an_application() -> None:
    target = FixedTarget("h", 1)

    assert (await planned(CustomSettings(target))).backend is target


async def test_a_key_that_cannot_be_used() -> None:
    connect_as = ConnectAsSettings(allow_supply_user=True, gateway_private_key="nonsense")

    with pytest.raises(TubeSettingsError, match="gateway_private_key cannot be read"):
        await planned(GuacdSettings("ssh", "127.0.0.1", connect_as=connect_as))


async def test_a_tunnel() -> None:
    async with server(echo) as port:
        plan = await planned(TargetSettings("localhost", port))
        async with talk(plan.backend) as one:
            reader, writer = await one.connect()
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
            writer.close()


async def test_a_tunnel_without_target_says_so() -> None:
    async with talk((await planned(TargetSettings())).backend) as one:
        reader, writer = await one.connect()
        assert await reader.read() == b""
        writer.close()
        await until(lambda: one.seen(0, ConnectionEnded), "the refusal")

        assert one.seen(0, ConnectionEnded)[0].text == (
            "PortForward target host/port not configured in channel protocol state"
        )


@pytest.mark.parametrize(
    ("conversation_id", "text"),
    [("c" * 1025, "has 1025 bytes"), ("\u00e9" * 513, "has 1026 bytes"), ("\ud800", "Unicode")],
)
async def test_an_id_that_cannot_be_a_label(conversation_id: str, text: str) -> None:
    with pytest.raises(TubeSettingsError, match=text):
        await make_plan(
            conversation_id, NoSettings(), sessions=LocalSessions(), on_event=lambda event: None
        )


async def test_settings_of_no_kind() -> None:
    with pytest.raises(TubeSettingsError, match="must be one of ListenerSettings"):
        await planned(None)  # type: ignore[arg-type]
