from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import pytest_asyncio

from guacr.tubes.connections.handler import Data, Handler, HandlerEvent
from guacr.tubes.connections.listener import Listener
from guacr.tubes.connections.target import FixedTarget
from guacr.tubes.environment import CREATES, number
from guacr.tubes.errors import (
    ConversationNotFoundError,
    LimitError,
    OverloadedError,
    PeerError,
    SdpError,
    TubeError,
    TubeNotFoundError,
    TubeTimeoutError,
    TubeTokenError,
)
from guacr.tubes.events import (
    FLOODED,
    CandidateFound,
    ConversationClosed,
    LinkChanged,
    RestartOffered,
    TubeEvent,
)
from guacr.tubes.plans import Plan
from guacr.tubes.reasons import CloseReason
from guacr.tubes.registry import Created, TubeRegistry
from guacr.tubes.rtc.ice.settings import IceSettings
from guacr.tubes.rtc.peer import PeerSettings, PeerState
from guacr.tubes.sctp import ChannelState
from guacr.tubes.settings import CustomSettings, GuacdSettings, HandlerSettings, ListenerSettings
from guacr.tubes.tube import Tube, TubeState
from guacr.tubes.wire.control import Ping
from tests.support.echo_server import echo_server
from tests.support.ice import UdpRelay
from tests.support.waiting import until

QUICK = IceSettings(
    loopback=True, interfaces=("lo",), keep_alive=0.05, disconnected_after=0.5, failed_after=0.5
)
SILENT = PeerSettings(trickle=False)
LOOPBACK = PeerSettings(ice=IceSettings(loopback=True, interfaces=("lo",)))


class Route:
    """Changes the candidates that are told to the other end; None leaves one out."""

    def __init__(self) -> None:
        self.route: Callable[[str], str | None] = lambda candidate: candidate


class Registries:
    """Two registries, whose tubes find each other by the same id."""

    def __init__(self, settings: PeerSettings = LOOPBACK) -> None:
        self.settings = settings
        self.ends = [TubeRegistry(), TubeRegistry()]
        self.events: list[list[TubeEvent]] = [[], []]
        self.routes = [Route(), Route()]

    def _on_event(self, end: int) -> object:
        def note(tube: Tube, event: TubeEvent) -> None:
            self.events[end].append(event)
            other = self.ends[1 - end].tubes.get(tube.id)
            if isinstance(event, CandidateFound) and other is not None:
                candidate = self.routes[end].route(event.candidate)
                if candidate is not None:
                    other.peer.add_candidate(candidate)

        return note

    async def connect(self, plan: Plan, answering: Plan, tube_id: str = "t") -> tuple[Tube, Tube]:
        """A connected tube: both of its ends."""
        offered = await self.create(0, plan, tube_id=tube_id)
        answered = await self.create(1, answering, tube_id=tube_id, offer=offered.description)
        answer = answered.description
        if self.settings.trickle:  # all candidates take the routes
            answer = re.sub("a=candidate:.*\r\n", "", answer)
        offered.tube.peer.set_remote(answer, is_answer=True)
        await until(lambda: offered.tube.state is TubeState.READY, "the offering end")
        await until(lambda: answered.tube.state is TubeState.READY, "the answering end")
        return offered.tube, answered.tube

    async def create(
        self, end: int, plan: Plan, *, tube_id: str = "", offer: str = "", token: str = "token"
    ) -> Created:
        return await self.ends[end].create(
            plan.id,
            CustomSettings(plan.backend, plan.front),
            self.settings,
            token=token,
            tube_id=tube_id,
            offer=offer,
            on_event=self._on_event(end),  # type: ignore[arg-type]
        )

    def closed(self, end: int) -> list[ConversationClosed]:
        return [event for event in self.events[end] if isinstance(event, ConversationClosed)]

    async def close(self) -> None:
        for end in self.ends:
            await end.close()
            assert end.tubes == {}


@pytest_asyncio.fixture
async def both() -> AsyncIterator[Registries]:
    registries = Registries()
    yield registries
    await registries.close()


async def round_trip(listener: Listener, data: bytes = b"hello") -> bytes:
    """Send data through a tunnel; what came back until its end."""
    host, port = listener.address.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(data)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


async def test_a_tunnel(both: Registries) -> None:
    async with echo_server() as port:
        listener = Listener("127.0.0.1", 0)
        await both.connect(Plan("c", front=listener), Plan("c", FixedTarget("127.0.0.1", port)))

        assert await round_trip(listener, bytes(300_000)) == bytes(300_000)


async def test_states_and_events(both: Registries) -> None:
    offered, answered = await both.connect(Plan("c"), Plan("c"))

    for end in (0, 1):
        states = [event.state for event in both.events[end] if isinstance(event, LinkChanged)]
        assert states == [PeerState.CONNECTING, PeerState.CONNECTED]
    assert both.ends[0].tube_of("c") is offered
    assert both.ends[1].tube_of("c") is answered
    assert offered.was_connected


async def test_waiting_for_a_tube(both: Registries) -> None:
    offered = (await both.create(0, Plan("c"), tube_id="t")).tube
    waiting = asyncio.create_task(offered.wait_ready())
    await both.ends[0].close_tube("t")
    with pytest.raises(PeerError, match="tube t is closed"):
        await waiting

    offered, answered = await both.connect(Plan("c"), Plan("c"))
    await offered.wait_ready()
    await answered.wait_ready()
    assert offered.state is answered.state is TubeState.READY


async def test_two_conversations_of_a_tube(both: Registries) -> None:
    async with echo_server() as port:
        first, second = Listener("127.0.0.1", 0), Listener("127.0.0.1", 0)
        target = FixedTarget("127.0.0.1", port)
        offered, _ = await both.connect(Plan("one", front=first), Plan("one", target))

        assert (await both.create(0, Plan("two", front=second), tube_id="t")).description == ""
        await both.create(1, Plan("two", target), tube_id="t")

        assert await round_trip(second) == b"hello"
        assert await round_trip(first) == b"hello"
        assert set(offered.conversations) == {"one", "two"}
        found = [one.reading._backlog for one in offered.conversations.values() if one is not None]
        assert found[0] is found[1]


async def test_a_second_conversation_needs_the_token(both: Registries) -> None:
    await both.connect(Plan("one"), Plan("one"))

    with pytest.raises(TubeTokenError, match="callback_token does not match tube t"):
        await both.create(0, Plan("two"), tube_id="t", token="other")


async def test_a_single_conversation_may_have_another_name_at_the_answering_end(
    both: Registries,
) -> None:
    await both.connect(Plan("c"), Plan("another"))


async def test_a_channel_that_nobody_waits_for_is_closed(
    both: Registries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guacr.tubes.unclaimed.UNCLAIMED_FOR", 0.01)
    await both.connect(Plan("c"), Plan("c"))

    await both.create(0, Plan("strange"), tube_id="t")

    await until(lambda: len(both.closed(0)) == 1, "the end of the strange one")
    assert both.closed(0)[0].label == "strange"
    assert set(both.ends[0].tube("t").conversations) == {"c"}


async def test_a_peer_that_takes_only_tiny_messages_gets_no_conversation(both: Registries) -> None:
    offered = await both.create(0, Plan("c"), tube_id="t")
    tiny = offered.description.replace("max-message-size:65535", "max-message-size:100")

    await both.create(1, Plan("c"), tube_id="t", offer=tiny)
    answer = await both.ends[1].create_answer("t")
    offered.tube.peer.set_remote(answer, is_answer=True)

    await until(lambda: bool(both.closed(1)), "the refusal")
    assert "1024 are needed" in both.closed(1)[0].outcome
    await until(lambda: bool(both.closed(0)), "the peer's channel")


@pytest.mark.parametrize("end", [0, 1])
async def test_closing_a_tube_reaches_the_other_end(both: Registries, end: int) -> None:
    await both.connect(Plan("c"), Plan("c"))

    await both.ends[end].close_tube("t", CloseReason.ADMIN_CLOSED)

    await until(lambda: not both.ends[1 - end].tubes, "the other end")
    assert [one.reason for one in both.closed(1 - end)] == [CloseReason.ADMIN_CLOSED]
    assert both.closed(end)[0].outcome == "tube_closed"


async def test_what_was_sent_before_the_end_arrives(both: Registries) -> None:
    got = bytearray()
    ended = asyncio.Event()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            got.extend(data)
        writer.close()
        ended.set()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    listener = Listener("127.0.0.1", 0)
    offered, _ = await both.connect(
        Plan("c", front=listener), Plan("c", FixedTarget("127.0.0.1", port))
    )
    host, number = listener.address.rsplit(":", 1)
    _, writer = await asyncio.open_connection(host, int(number))
    writer.write(bytes(200_000))
    conversation = offered.conversations["c"]
    assert conversation is not None
    await until(lambda: conversation.outlet.bytes > 200_000, "everything in the channel")

    await offered.close()

    await asyncio.wait_for(ended.wait(), 5)
    assert len(got) == 200_000
    writer.close()
    server.close()


async def test_the_end_of_the_only_conversation_ends_the_answering_tube(both: Registries) -> None:
    offered, _ = await both.connect(Plan("c"), Plan("c"))

    offered.close_conversation("c", CloseReason.CLIENT)

    await until(lambda: not both.ends[1].tubes, "the answering end")
    assert both.closed(1)[0].reason is CloseReason.CLIENT


@asynccontextmanager
async def cut_link(both: Registries) -> AsyncIterator[UdpRelay]:
    """A link between the ends of a connected tube "t", which the test cuts."""
    relay = UdpRelay()
    relay.open(*both.routes)  # type: ignore[arg-type]
    both.settings = replace(LOOPBACK, ice=QUICK)
    await both.connect(Plan("c"), Plan("c"))
    try:
        yield relay
    finally:
        relay.close()


async def test_a_second_channel_of_the_same_conversation_is_closed(both: Registries) -> None:
    offered, answered = await both.connect(Plan("c"), Plan("c"))
    first = answered.conversations["c"]

    second = offered.peer.open_channel("c")

    await until(lambda: second.state is ChannelState.CLOSED, "the refusal")
    assert answered.conversations["c"] is first
    assert offered.state is answered.state is TubeState.READY


async def test_a_peer_that_asks_without_end_and_reads_nothing_loses_its_tube(
    both: Registries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guacr.tubes.outlet.FLOOD_MAX", 1 << 20)
    offered, _ = await both.connect(Plan("c"), Plan("c"))
    conversation = offered.conversations["c"]
    assert conversation is not None
    conversation._channel.pause_reading()

    def ask() -> bool:
        if conversation._channel.buffered < 100_000:
            conversation.outlet.send_control(Ping(0, bytes(30_000)))
        return not both.ends[1].tubes

    await until(ask, "the end of the tube")

    assert both.closed(1)[0].outcome == FLOODED


async def test_a_lost_link_is_offered_a_restart(
    both: Registries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guacr.tubes.tube.RESTART_DELAY", 0.01)
    async with cut_link(both) as link:
        offered, answered = both.ends[0].tube("t"), both.ends[1].tube("t")

        def offers() -> list[RestartOffered]:
            return [event for event in both.events[0] if isinstance(event, RestartOffered)]

        link.is_cut = True
        await until(lambda: bool(offers()), "the offer of a restart")
        assert offered.state is TubeState.DISCONNECTED
        for route in both.routes:  # the new sockets are beside the link
            route.route = lambda candidate: candidate

        answered.peer.set_remote(offers()[0].offer, is_answer=False)
        offered.peer.set_remote(await answered.peer.create_answer(), is_answer=True)

        await until(lambda: offered.state is TubeState.READY, "the link")


async def test_a_link_that_stays_lost_ends_the_tube(
    both: Registries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guacr.tubes.tube.END_DELAY", 0.01)
    monkeypatch.setattr("guacr.tubes.tube.CLOSE_TIMEOUT", 0.1)
    async with cut_link(both) as link:
        link.is_cut = True

        await until(lambda: not both.ends[0].tubes, "the end of the tube")

        assert both.closed(0)[0].outcome == "tube_closed"


async def test_a_tube_that_is_never_answered_is_closed(
    both: Registries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guacr.tubes.registry.UNANSWERED_FOR", 0.01)

    await both.create(0, Plan("c"))

    await until(lambda: not both.ends[0].tubes, "the sweep")


class TestCapacity:
    async def test_a_create_beyond_the_limit_is_told_when_to_try_again(self) -> None:
        registry = TubeRegistry(creates_max=0)

        with pytest.raises(OverloadedError, match=r"0 active creates \(max 0\)") as raised:
            await registry.create("c", CustomSettings(), LOOPBACK)

        assert raised.value.retry_after > 0
        assert not registry.capacity.accepts_more

    async def test_creates_are_counted(self, both: Registries) -> None:
        await both.create(0, Plan("c"))
        with pytest.raises(SdpError):
            await both.create(0, Plan("d"), offer="v=0")

        capacity = both.ends[0].capacity
        assert (capacity.active, capacity.total, capacity.failures) == (0, 2, 1)
        assert capacity.average_time > 0
        await until(lambda: len(both.ends[0].tubes) == 1, "the end of the failed one")

    @pytest.mark.parametrize(
        "name", ["KEEPER_GATEWAY_MAX_CONCURRENT_CREATES", "WEBRTC_MAX_CONCURRENT_CREATES"]
    )
    def test_the_environment_may_set_the_limit(
        self, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        assert number(CREATES, 100) == 100
        monkeypatch.setenv(name, "7")
        assert number(CREATES, 100) == 7
        monkeypatch.setenv(name, "9" * 5000)
        with pytest.raises(TubeError, match=name):
            number(CREATES, 100)
        monkeypatch.setenv(name, "many")
        with pytest.raises(TubeError, match=name):
            number(CREATES, 100)

    async def test_too_many_tubes_or_sockets(self, both: Registries) -> None:
        tube = (await both.create(0, Plan("c"))).tube
        creates = both.ends[0].creates
        await until(lambda: tube.sockets, "its sockets")

        creates.tubes_max = 1
        with pytest.raises(LimitError, match="all 1 tubes are in use"):
            await both.create(0, Plan("d"))
        creates.tubes_max, creates.sockets_max = 2, 1
        with pytest.raises(LimitError, match="all 1 sockets"):
            await both.create(0, Plan("d"))
        assert both.ends[0].capacity.refused == 2
        assert both.ends[0].capacity.refused_at > 0

        creates.sockets_max = 100
        await both.create(0, Plan("d"))

    async def test_a_create_that_takes_too_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KEEPER_GATEWAY_TUBE_CREATION_TIMEOUT_SECS", "0")
        registry = TubeRegistry()

        with pytest.raises(TubeTimeoutError, match="could not be created within 0 s"):
            await registry.create("c", ListenerSettings(), SILENT)

        await until(lambda: not registry.tubes, "the end of the tube")
        await registry.close()


async def test_what_a_refused_create_has_opened_is_closed(both: Registries) -> None:
    listener = Listener("127.0.0.1", 0)
    with pytest.raises(SdpError):
        await both.create(0, Plan("c", front=listener), offer="v=0")

    Listener("127.0.0.1", int(listener.address.rpartition(":")[2])).close()


async def test_the_other_token_is_refused_without_a_trace(both: Registries) -> None:
    await both.create(0, Plan("c"), tube_id="t")
    listener = Listener("127.0.0.1", 0)

    with pytest.raises(TubeTokenError):
        await both.create(0, Plan("d", front=listener), tube_id="t", token="other")

    assert set(both.ends[0].tube("t").conversations) == {"c"}
    Listener("127.0.0.1", int(listener.address.rpartition(":")[2])).close()


class TestDescriptions:
    async def test_the_turns_of_an_offerer(self, both: Registries) -> None:
        registry = both.ends[0]
        await both.create(0, Plan("c"), tube_id="t")

        with pytest.raises(PeerError, match="already have local offer"):
            await registry.create_offer("t")
        with pytest.raises(PeerError, match="when in state HaveLocalOffer"):
            await registry.create_answer("t")
        with pytest.raises(PeerError, match="have-local-offer"):
            await registry.set_remote_description("t", "v=0", is_answer=False)

    async def test_an_answer_is_the_same_again(self, both: Registries) -> None:
        offered = await both.create(0, Plan("c"), tube_id="t")
        answered = await both.create(1, Plan("c"), tube_id="t", offer=offered.description)

        assert await both.ends[1].create_answer("t") == answered.description
        with pytest.raises(PeerError, match="from Stable"):
            await both.ends[1].set_remote_description("t", "v=0", is_answer=True)

    async def test_a_restart(self, both: Registries) -> None:
        near, far = both.ends
        offered, answered = await both.connect(Plan("c"), Plan("c"))

        answer = await far.set_remote_description("t", await near.restart_ice("t"), is_answer=False)

        assert answer is not None
        assert await near.set_remote_description("t", answer, is_answer=True) is None
        await until(lambda: offered.peer.stats.local, "the new pair")
        assert offered.state is answered.state is TubeState.READY

    async def test_a_tube_that_does_not_trickle_is_not_restarted(self) -> None:
        registry = TubeRegistry()
        await registry.create("c", ListenerSettings(), SILENT, tube_id="t")

        with pytest.raises(PeerError, match="requires trickle ICE"):
            await registry.restart_ice("t")

        await registry.close()

    async def test_unknown_tubes(self, both: Registries) -> None:
        registry = both.ends[0]
        for step in (registry.create_offer, registry.create_answer, registry.restart_ice):
            with pytest.raises(TubeNotFoundError, match="Tube not found: x"):
                await step("x")
        with pytest.raises(TubeNotFoundError):
            registry.add_candidate("x", "")


class TestHandlers:
    async def test_they_talk(self, both: Registries) -> None:
        near, far = both.ends
        got: list[HandlerEvent] = []

        def answer(events: list[HandlerEvent]) -> None:
            for event in events:
                if isinstance(event, Data):
                    far.handler("c").send(event.number, event.payload.upper())

        one, other = Handler(got.extend), Handler(answer)
        await both.connect(Plan("c", one, one), Plan("c", other, other))
        assert near.handler("c") is one

        near.handler("c").connect(1)
        near.handler("c").send(1, b"hello")

        await until(lambda: Data(1, b"HELLO") in got, "the answer")
        near.close_connection("c", 1, CloseReason.CLIENT)
        near.close_connection("c", 7, CloseReason.CLIENT)  # there is none
        await until(lambda: not other.has(1), "the end there")

    async def test_settings_make_one(self, both: Registries) -> None:
        registry = both.ends[0]
        await registry.create("c", HandlerSettings(lambda events: None), LOOPBACK)

        assert isinstance(registry.handler("c"), Handler)

    async def test_other_conversations_have_none(self, both: Registries) -> None:
        await both.create(0, Plan("c", front=Listener("127.0.0.1", 0)))

        with pytest.raises(TubeError, match="Handler route not found"):
            both.ends[0].handler("c")
        with pytest.raises(ConversationNotFoundError):
            both.ends[0].handler("x")


async def test_two_creates_at_once_with_the_same_id(both: Registries) -> None:
    registry = both.ends[0]
    creates = [
        registry.create(name, GuacdSettings("testcard"), LOOPBACK, tube_id="t", token=token)
        for name, token in (("c", "1"), ("d", "1"), ("e", "2"))
    ]

    one, other, refused = await asyncio.gather(*creates, return_exceptions=True)

    assert isinstance(one, Created)
    assert isinstance(other, Created)
    assert one.tube is other.tube is registry.tube("t")
    assert set(one.tube.conversations) == {"c", "d"}
    assert isinstance(refused, TubeTokenError)


async def test_conversations_are_closed_by_their_ids(both: Registries) -> None:
    near = both.ends[0]
    await both.connect(Plan("c"), Plan("c"))
    near.associate("t", "alias")

    for name in ("x", "alias"):
        with pytest.raises(ConversationNotFoundError):
            near.close_conversation(name, CloseReason.CLIENT)
    near.close_conversation("c", CloseReason.CLIENT)

    await until(lambda: not both.ends[1].tubes, "the answering end")
    with pytest.raises(ConversationNotFoundError):
        near.close_connection("c", 1, CloseReason.CLIENT)


class TestLookUps:
    async def test_parts_of_names(self, both: Registries) -> None:
        await both.create(0, Plan("c"), tube_id="abc")
        both.ends[0].associate("abc", "name")

        assert both.ends[0].find("am") == both.ends[0].find("b") == ["abc"]
        assert both.ends[0].find("z") == []

    async def test_by_other_names(self, both: Registries) -> None:
        tube, _ = await both.connect(Plan("c"), Plan("c"))

        both.ends[0].associate("t", "alias")

        assert both.ends[0].tube_of("alias") is tube
        assert both.ends[0].tube_of("nobody") is None
        await tube.close()
        assert both.ends[0].tube_of("alias") is None

    async def test_unknown_tubes(self, both: Registries) -> None:
        with pytest.raises(TubeNotFoundError, match="Tube not found: x"):
            both.ends[0].tube("x")
        with pytest.raises(TubeNotFoundError):
            both.ends[0].associate("x", "alias")


async def test_nothing_is_left_of_closed_tubes() -> None:
    await cycle()
    tasks = len(asyncio.all_tasks())

    for _ in range(5):
        await cycle()

    assert len(asyncio.all_tasks()) == tasks


async def cycle() -> None:
    registries = Registries()
    async with echo_server() as port:
        listener = Listener("127.0.0.1", 0)
        await registries.connect(
            Plan("c", front=listener), Plan("c", FixedTarget("127.0.0.1", port))
        )
        assert await round_trip(listener) == b"hello"
    await registries.close()
