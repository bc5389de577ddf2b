"""Access rules where sessions are opened and joined."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import pytest

from guacr.errors import ForbiddenError
from guacr.policy.client import Client
from guacr.policy.rule import Connects
from guacr.protocol.client import ClientInfo
from guacr.session.events import AccessRefused
from guacr.session.origin import ANYONE, Origin
from guacr.settings.models import Settings
from tests.support.loopback import Bench, MemoryTransport, SketchHandler

ANN = Client("tcp", "10.1.2.3", ("ann.example.com",))
UNIX = Client("unix")


class Transport(MemoryTransport):
    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client

    @property
    def client(self) -> Client:
        return self._client


class Connecting(SketchHandler):
    connects: ClassVar[Connects] = Connects.CHECKED


def with_rules(*rules: dict[str, Any]) -> Settings:
    return Settings.model_validate({"access": {"rules": list(rules)}})


def opened(
    bench: Bench,
    client: Client = ANN,
    select: str = "sketch",
    origin: Origin = ANYONE,
    **values: str,
) -> str:
    """Open or join a session; return its id."""
    reader = bench.registry.open(select, values, ClientInfo(), Transport(client), origin)
    return reader.session.id


def refused(bench: Bench, *arguments: Any, **values: Any) -> str:
    with pytest.raises(ForbiddenError) as caught:
        opened(bench, *arguments, **values)
    assert caught.value.status == 0x0303
    return str(caught.value)


async def test_refusals_say_what_is_refused_and_are_events_with_the_rule() -> None:
    bench = Bench(with_rules({"identities": ["ben"]}, {"effect": "deny", "name": "no unix",
                                                        "listeners": ["unix"]}))  # fmt: skip
    with bench.registry.events.subscribe() as events:
        told = refused(bench)
        assert told.startswith("protocol 'sketch' is not allowed")
        assert "ben" not in told
        refused(bench, UNIX, origin=Origin(subject="ben", connection="web"))
        assert await anext(events) == AccessRefused(
            "memory", told, "", "sketch", "", ("ann.example.com",), "tcp"
        )
        event = await anext(events)
        assert isinstance(event, AccessRefused)
        assert (event.rule, event.connection, event.identities) == ("no unix", "web", ("ben",))
    assert not bench.registry.sessions
    opened(bench, origin=Origin(subject="ben"))
    await bench.close()


async def test_parameters_that_a_client_sets() -> None:
    bench = Bench(with_rules({"parameters": ["hostname"]}))
    opened(bench, hostname="a", colour="red", level="1")  # defaults
    assert "parameter 'level' may not be set" in refused(bench, hostname="a", level="2")
    opened(bench, origin=Origin(trusted=frozenset({"level"})), level="2")
    await bench.close()


async def test_new_rules_apply_at_once_also_to_connections_of_open_sessions() -> None:
    bench = Bench(with_rules({"targets": ["10.0.0.1"]}), Connecting)
    session = bench.registry.find(opened(bench)).session
    network = session.context.network
    assert network.permitted("10.0.0.1", 22, ["10.0.0.1"]) == ["10.0.0.1"]
    assert network.permitted("a", 22, ["10.0.0.9", "10.0.0.1"]) == ["10.0.0.1"]
    with pytest.raises(ForbiddenError):
        network.permitted("a", 22, ["what is no address"])
    bench.registry.settings = with_rules({"targets": ["10.0.0.2"]})
    with bench.registry.events.subscribe() as events:
        with pytest.raises(ForbiddenError, match=r"host '10.0.0.1', port 22, is not allowed:"):
            network.permitted("10.0.0.1", 22, ["10.0.0.1"])
        event = await anext(events)
    assert isinstance(event, AccessRefused)
    assert (event.target, event.session) == ("10.0.0.1:22", session.id)
    bench.registry.settings = Settings()
    assert not network.is_restricted
    network.check_local()
    await bench.close()


async def test_a_handler_that_does_not_ask_needs_a_rule_without_targets() -> None:
    bench = Bench(with_rules({"targets": ["10.0.0.1"]}))
    refused(bench)
    bench.registry.settings = with_rules({}, {"effect": "deny", "targets": ["10.0.0.1"]})
    refused(bench)
    bench.registry.settings = with_rules({})
    opened(bench)
    await bench.close()


async def test_whether_a_name_exists_is_not_told_if_addresses_decide() -> None:
    bench = Bench(with_rules({"targets": ["10.0.0.1", "*.example.com"]}), Connecting)
    network = bench.registry.find(opened(bench)).session.context.network
    assert network.hides_unknown("a", 22)
    assert not network.hides_unknown("a.example.com", 22)
    assert "is not allowed or unknown" in str(network.refusal("a", 22))
    await bench.close()


async def test_joining() -> None:
    bench = Bench(with_rules({}))
    session = opened(bench)
    opened(bench, ANN, session)
    opened(bench, replace(ANN, address="10.9.9.9"), session)
    for client in (UNIX, replace(ANN, certificates=("ben",)), replace(ANN, certificates=())):
        assert "joining this session is not allowed" in refused(bench, client, session)
    opened(bench, UNIX, session, Origin(invited=True))
    bench.registry.settings = with_rules({}, {"join": True, "listeners": ["unix"]})
    opened(bench, UNIX, session)
    bench.registry.settings = with_rules({}, {"join": True, "effect": "deny"})
    refused(bench, ANN, session)
    refused(bench, UNIX, session, Origin(invited=True))
    await bench.close()


async def test_the_same_person_by_token() -> None:
    bench = Bench(with_rules({}))
    session = opened(bench, UNIX, origin=Origin(subject="ben"))
    opened(bench, UNIX, session, Origin(subject="ben"))
    refused(bench, UNIX, session, Origin(subject="ann"))
    refused(bench, replace(UNIX, certificates=("ben",)), session)
    await bench.close()


async def test_without_rules_knowing_the_id_is_enough() -> None:
    bench = Bench()
    opened(bench, UNIX, opened(bench))
    await bench.close()
