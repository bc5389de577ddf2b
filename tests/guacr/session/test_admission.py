"""Access rules where sessions are opened and joined."""

from __future__ import annotations

import asyncio
import logging
from base64 import b64encode
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from guacr.errors import ForbiddenError
from guacr.policy.client import Client
from guacr.policy.rule import Connects
from guacr.protocol.client import ClientInfo
from guacr.refusals import Refusals
from guacr.session import admission
from guacr.session.events import AccessRefused, Refused
from guacr.session.origin import ANYONE, Origin
from guacr.settings.models import Settings
from tests.support.loopback import Bench, MemoryTransport, SketchHandler, until

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


def value(transport: MemoryTransport, name: str, text: str) -> str:
    """Send an `argv` stream; return the last status."""
    transport.send("argv", 1, "text/plain", name)
    transport.send("blob", 1, b64encode(text.encode()).decode())
    transport.send("end", 1)
    return str(transport.all("ack")[-1][2])


async def test_parameters_of_a_session_that_runs() -> None:
    denying = {"name": "no colours", "effect": "deny", "parameters": ["colour"]}
    bench = Bench(with_rules({"parameters": ["hostname", "colour"]}, denying))
    owner, joiner = Transport(ANN), Transport(UNIX)
    reader = bench.registry.open("sketch", {}, ClientInfo(), owner, ANYONE)
    session = reader.session
    session.begun = True  # as it is after a turn of the event loop
    invited = Origin(invited=True, subject="bob")
    bench.registry.open(session.id, {}, ClientInfo(), joiner, invited)
    with bench.registry.events.subscribe() as events:
        for transport in (joiner, owner):
            assert value(transport, "colour", "blue") == "771"
            assert "parameter 'colour' may not be set" in str(transport.all("ack")[0])
        found = [await anext(events) for _ in range(4)]
    assert [type(event) for event in found] == [AccessRefused, Refused] * 2
    assert {getattr(event, "session", "") for event in found} == {session.id}
    denials = [event for event in found if isinstance(event, AccessRefused)]
    assert [event.rule for event in denials] == ["no colours"] * 2
    assert [(event.listener, event.identities) for event in denials] == [
        ("unix", ("bob",)),
        ("tcp", ANN.certificates),
    ]
    bench.registry.settings = with_rules({"parameters": ["colour"]})
    assert value(joiner, "colour", "blue") == "0"
    await bench.close()


async def test_parameters_must_be_allowed_where_a_session_is_connected() -> None:
    rules = ({"targets": ["10.0.0.1"]}, {"targets": ["10.0.0.2"], "parameters": ["hostname"]})
    bench = Bench(with_rules(*rules), Connecting)
    free = bench.registry.find(opened(bench)).session.context.network
    assert free.permitted("10.0.0.1", 22, ["10.0.0.1"])
    free.check_parameter("colour")
    with pytest.raises(ForbiddenError, match="is not allowed"):
        free.permitted("10.0.0.2", 22, ["10.0.0.2"])
    bound = bench.registry.find(opened(bench)).session.context.network
    assert bound.permitted("10.0.0.2", 22, ["10.0.0.2"])
    for _ in range(2):
        with pytest.raises(ForbiddenError, match="'colour' may not be set"):
            bound.check_parameter("colour")
    assert bound.permitted("10.0.0.2", 23, ["10.0.0.2"]), "it is not set"
    await bench.close()


async def test_an_answer_that_is_not_allowed_ends_the_question() -> None:
    bench = Bench(with_rules({"parameters": ["username"]}))
    owner = Transport(ANN)
    reader = bench.registry.open("sketch", {}, ClientInfo(version=(1, 5, 0)), owner, ANYONE)
    reader.session.begun = True
    names = ("username", "domain", "password")
    asking = asyncio.create_task(reader.session.context.ask(*names))
    await until(lambda: owner.all("required") == [names])
    assert value(owner, "username", "ann") == "0"
    assert value(owner, "domain", "") == "0"
    assert value(owner, "password", "s3cret") == "771"
    with pytest.raises(ForbiddenError, match="'password' may not be set"):
        await asking
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


async def test_the_log_names_the_client_and_its_identities(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(admission, "_refusals", Refusals(logging.getLogger("guacr.access")))
    bench = Bench(with_rules({"protocols": ["ssh"]}))
    refused(bench)
    refused(bench, UNIX)
    first, second = (one for one in caplog.records if "access rules" in one.message)
    assert " as ann.example.com: " in first.message
    assert " as " not in second.message.partition(": ")[0]
    assert first.client  # type: ignore[attr-defined]
    await bench.close()
