from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from time import perf_counter

import pytest

from guacr.tubes.errors import PeerError, SdpError
from guacr.tubes.rtc.ice.settings import IceServer, IceSettings
from guacr.tubes.rtc.peer import PeerConnection, PeerSettings, PeerState
from guacr.tubes.rtc.sdp import parse, write
from guacr.tubes.sctp import Channel, ChannelState
from tests.support.waiting import until

LOOPBACK = PeerSettings(ice=IceSettings(loopback=True, interfaces=("lo",)), keeper_version="2.2.9")


class Peers:
    """Two peer connections in one process, and what they have said."""

    def __init__(self, settings: PeerSettings) -> None:
        self.ends = [PeerConnection(settings, offers=offers) for offers in (True, False)]
        self.states: list[list[PeerState]] = [[], []]
        self.channels: list[list[Channel]] = [[], []]
        for n, end in enumerate(self.ends):
            end.on_state = self.states[n].append
            end.on_channel = self.channels[n].append
            end.on_candidate = self.ends[1 - n].add_candidate

    async def connect(self) -> None:
        """Exchange descriptions, and wait until both ends are connected."""
        await self.describe(await self.ends[0].create_offer())
        await until(lambda: all(end.state is PeerState.CONNECTED for end in self.ends), "both ends")

    async def describe(self, offer: str) -> None:
        """Carry an offer of the first end to the second, and the answer back."""
        first, second = self.ends
        second.set_remote(offer, is_answer=False)
        first.set_remote(await second.create_answer(), is_answer=True)

    async def channel(self, opener: int = 0) -> tuple[Channel, Channel]:
        """A channel: the opener's half, and the other."""
        count = len(self.channels[1 - opener])
        ours = self.ends[opener].open_channel("c")
        await until(lambda: len(self.channels[1 - opener]) > count, "the channel")
        return ours, self.channels[1 - opener][count]

    async def echo(self, data: bytes = b"hello") -> None:
        """Send data through a new channel and back."""
        ours, theirs = await self.channel()
        got: list[bytes] = []
        theirs.on_message = theirs.send
        ours.on_message = got.append
        ours.send(data)
        await until(lambda: got == [data], "the echo")


@asynccontextmanager
async def peers(settings: PeerSettings = LOOPBACK) -> AsyncIterator[Peers]:
    both = Peers(settings)
    try:
        yield both
    finally:
        for end in both.ends:
            await end.close()


@pytest.mark.parametrize("trickle", [True, False])
async def test_two_ends_connect(trickle: bool) -> None:
    async with peers(replace(LOOPBACK, trickle=trickle)) as both:
        await both.connect()
        await both.echo(bytes(50_000))

        assert both.states[0] == [PeerState.CONNECTING, PeerState.CONNECTED]


async def test_the_wheels_form_of_descriptions() -> None:
    async with peers(replace(LOOPBACK, trickle=False)) as both:
        offer = await both.ends[0].create_offer()

        assert offer.endswith("a=keeper-webrtc:2.2.9\r\n")
        assert "a=end-of-candidates" in offer
        assert parse(offer).candidates


async def test_a_dead_server_does_not_delay_a_description() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        dead = IceServer(f"stun:127.0.0.1:{silent.getsockname()[1]}")
        ice = replace(LOOPBACK.ice, servers=(dead,), description_wait=0.1)
        async with peers(replace(LOOPBACK, ice=ice, trickle=False)) as both:
            begun = perf_counter()
            await both.connect()
            assert perf_counter() - begun < ice.gather_timeout / 2


async def test_closing_while_an_offer_waits_for_servers() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        dead = IceServer(f"stun:127.0.0.1:{silent.getsockname()[1]}")
        ice = replace(LOOPBACK.ice, servers=(dead,))
        async with peers(replace(LOOPBACK, ice=ice, trickle=False)) as both:
            offering = asyncio.ensure_future(both.ends[0].create_offer())
            await until(lambda: both.ends[0].local_candidates, "the hosts")
            await both.ends[0].close()
            with pytest.raises(PeerError, match="is closed"):
                await offering


async def test_a_trickled_offer_has_no_candidates() -> None:
    async with peers() as both:
        found: list[str] = []
        both.ends[0].on_candidate = found.append

        offer = parse(await both.ends[0].create_offer())

        assert not offer.candidates
        assert not offer.end_of_candidates
        await until(lambda: "" in found, "the end of candidates")
        assert found[0].startswith("candidate:")


async def test_a_trickled_answer_has_the_candidates_of_the_interfaces() -> None:
    async with peers() as both:
        both.ends[1].set_remote(await both.ends[0].create_offer(), is_answer=False)

        answer = parse(await both.ends[1].create_answer())

        assert any("127.0.0.1" in candidate for candidate in answer.candidates)
        assert not answer.end_of_candidates


@pytest.mark.parametrize("opener", [0, 1])
async def test_channels_of_either_end(opener: int) -> None:
    async with peers() as both:
        await both.connect()
        ours, theirs = await both.channel(opener)
        closed: list[int] = []
        ours.on_close = lambda: closed.append(0)
        theirs.on_close = lambda: closed.append(1)

        theirs.close()

        await until(lambda: len(closed) == 2, "both halves")
        assert ours.state is theirs.state is ChannelState.CLOSED


async def test_a_channel_needs_a_connection() -> None:
    async with peers() as both:
        with pytest.raises(ConnectionError):
            both.ends[0].open_channel("early")


@pytest.mark.parametrize("closer", [0, 1])
async def test_the_end_of_one_is_the_end_of_the_other(closer: int) -> None:
    async with peers() as both:
        await both.connect()
        ours, theirs = await both.channel()
        closed: list[int] = []
        ours.on_close = lambda: closed.append(0)
        theirs.on_close = lambda: closed.append(1)

        await both.ends[closer].close("Enough.")

        await until(lambda: both.ends[1 - closer].state is PeerState.CLOSED, "the other end")
        assert sorted(closed) == [0, 1]
        assert both.ends[closer].reason == "Enough."
        assert both.ends[1 - closer].reason.startswith("The peer has")


async def test_nothing_is_left_of_closed_connections() -> None:
    await cycle()
    tasks = len(asyncio.all_tasks())

    for _ in range(5):
        await cycle()

    assert len(asyncio.all_tasks()) == tasks


async def cycle() -> None:
    async with peers() as both:
        await both.connect()
        await both.echo()


async def test_flushed_waits_until_the_peer_has_everything() -> None:
    async with peers() as both:
        await both.connect()
        ours, theirs = await both.channel()
        got: list[bytes] = []
        theirs.on_message = got.append
        for _ in range(30):
            ours.send(bytes(30_000))

        await both.ends[0].flushed()

        assert len(got) == 30


async def test_flushed_ends_with_the_connection() -> None:
    async with peers() as both:
        await both.connect()
        ours, theirs = await both.channel()
        theirs.pause_reading()
        for _ in range(100):
            ours.send(bytes(50_000))
        waiting = asyncio.ensure_future(both.ends[0].flushed())
        await until(lambda: both.ends[0]._idle is not None, "the wait")

        await both.ends[0].close()

        await waiting


@pytest.mark.parametrize("starter", [0, 1])
async def test_a_restart_changes_the_credentials_and_keeps_the_channels(starter: int) -> None:
    async with peers() as both:
        await both.connect()
        ours, theirs = await both.channel()
        got: list[bytes] = []
        theirs.on_message = theirs.send
        ours.on_message = got.append
        before = [parse(text) for text in (await described(both))]
        first, second = both.ends[starter], both.ends[1 - starter]

        offer = await first.restart_ice()
        second.set_remote(offer, is_answer=False)
        answer = await second.create_answer()
        ours.send(b"meanwhile")
        first.set_remote(answer, is_answer=True)

        new = [parse(offer), parse(answer)]
        for old, now in zip(before, new if starter == 0 else new[::-1], strict=True):
            assert old.ufrag != now.ufrag
            assert old.password != now.password
            assert old.fingerprints == now.fingerprints
        await until(lambda: not any(end._ice.is_restarting for end in both.ends), "the restart")
        ours.send(b"afterwards")
        await until(lambda: got == [b"meanwhile", b"afterwards"], "the echoes")


async def described(both: Peers) -> list[str]:
    """The descriptions of both ends, as a renegotiation without a restart gives them."""
    offer = await both.ends[0].create_offer()
    both.ends[1].set_remote(offer, is_answer=False)
    answer = await both.ends[1].create_answer()
    both.ends[0].set_remote(answer, is_answer=True)
    return [offer, answer]


async def test_datagrams_that_overtake_the_answer_are_kept() -> None:
    async with peers() as both:
        first, second = both.ends
        second.set_remote(await first.create_offer(), is_answer=False)
        answer = await second.create_answer()
        description = parse(answer)
        early = first._early
        # Only the credentials arrive: ICE connects, and the second end begins with DTLS.
        from guacr.tubes.rtc.ice.settings import IceParameters

        first._ice.set_remote(IceParameters(description.ufrag, description.password))
        await until(lambda: early, "the first flight")
        start = asyncio.get_running_loop().time()

        first.set_remote(answer, is_answer=True)

        await until(lambda: first.state is PeerState.CONNECTED, "the connection")
        assert asyncio.get_running_loop().time() - start < 0.2


class TestRefused:
    async def test_an_answer_without_an_offer(self) -> None:
        async with peers() as both:
            offer = await both.ends[0].create_offer()

            with pytest.raises(PeerError, match="no offer"):
                both.ends[1].set_remote(offer, is_answer=True)

    async def test_an_answer_to_nothing(self) -> None:
        async with peers() as both:
            with pytest.raises(PeerError, match="no offer"):
                await both.ends[1].create_answer()

    async def test_garbage(self) -> None:
        async with peers() as both:
            with pytest.raises(SdpError):
                both.ends[1].set_remote("v=0\r\n", is_answer=False)
            await both.connect()  # as if nothing had happened

    async def test_another_certificate(self) -> None:
        async with peers() as both, peers() as others:
            await both.connect()
            strange = parse(await others.ends[0].create_offer())

            with pytest.raises(PeerError, match="certificate"):
                both.ends[1].set_remote(write(strange), is_answer=False)
            await both.echo()

    async def test_a_certificate_that_was_not_announced(self) -> None:
        async with peers() as both, peers() as others:
            offer = parse(await both.ends[0].create_offer())
            strange = parse(await others.ends[0].create_offer())
            both.ends[1].set_remote(
                write(replace(offer, fingerprints=strange.fingerprints)), is_answer=False
            )
            both.ends[0].set_remote(await both.ends[1].create_answer(), is_answer=True)

            await until(lambda: both.ends[1].state is PeerState.FAILED, "the refusal")

            assert "fingerprint" in both.ends[1].reason

    async def test_offers_of_both_ends(self) -> None:
        async with peers() as both:
            await both.connect()
            first = await both.ends[0].create_offer()
            second = await both.ends[1].create_offer()

            with pytest.raises(PeerError, match="both ends"):
                both.ends[0].set_remote(second, is_answer=False)
            await both.describe(first)  # the second gives way

    @pytest.mark.parametrize("step", ["create_offer", "create_answer", "restart_ice"])
    async def test_anything_after_the_end(self, step: str) -> None:
        async with peers() as both:
            await both.connect()
            await both.ends[0].close()
            make: Callable[[], object] = getattr(both.ends[0], step)

            with pytest.raises(PeerError, match="closed"):
                await make()  # type: ignore[misc]

    async def test_a_restart_before_the_peer_is_known(self) -> None:
        async with peers() as both:
            with pytest.raises(PeerError, match="not answered"):
                await both.ends[0].restart_ice()


async def test_candidates_that_cannot_be_read_end_nothing() -> None:
    async with peers() as both:
        both.ends[0].add_candidate("nonsense")
        both.ends[1].add_candidate("candidate:" + "9" * 5000)

        await both.connect()
