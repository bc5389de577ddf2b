from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT

import pytest

from guacr.tubes.sctp import ChannelState, Limits
from tests.support.sctp_pair import sctp_pair
from tests.support.waiting import until


async def test_messages_go_both_ways() -> None:
    async with sctp_pair() as pair:
        here, there = await pair.channel()
        got: list[bytes] = []
        there.on_message = there.send
        here.on_message = got.append

        for size in (1, 1000, 60_000):
            here.send(bytes(size))

        await until(lambda: [len(data) for data in got] == [1, 1000, 60_000], "the echo")


async def test_what_is_lost_is_sent_again() -> None:
    async with sctp_pair(delay=0.002, loss=0.1) as pair:
        here, there = await pair.channel()
        got: list[bytes] = []
        there.on_message = got.append
        sent = [n.to_bytes(2) * 500 for n in range(200)]

        for data in sent:
            here.send(data)

        await until(lambda: len(got) == len(sent), "all messages")
        assert got == sent
        assert pair.ends[0].retransmissions


async def test_a_message_that_is_lost_alone_is_sent_again() -> None:
    async with sctp_pair() as pair:
        here, there = await pair.channel()
        got: list[bytes] = []
        there.on_message = got.append
        await until(lambda: here.state is ChannelState.OPEN, "the acknowledgement")

        pair.loss = 1.0
        here.send(b"lost")
        await until(lambda: pair.ends[0]._out.outstanding, "the first attempt")
        pair.loss = 0.0

        await until(lambda: got == [b"lost"], "the second attempt")


async def test_a_link_that_returns_is_used_at_once() -> None:
    async with sctp_pair() as pair:
        here, there = await pair.channel()
        got: list[bytes] = []
        there.on_message = got.append
        pair.loss = 1.0
        here.send(b"lost")
        await until(lambda: pair.ends[0]._out.probes >= 3, "some probes")
        pair.loss = 0.0
        start = asyncio.get_running_loop().time()

        pair.drivers[0].link_restored()

        await until(lambda: got == [b"lost"], "the message")
        assert asyncio.get_running_loop().time() - start < 0.3


async def test_small_messages_of_one_turn_share_a_packet() -> None:
    async with sctp_pair() as pair:
        here, there = await pair.channel()
        got: list[bytes] = []
        there.on_message = got.append
        packets: list[bytes] = []
        send = pair.drivers[0]._send

        def noted(packet: bytes) -> None:
            packets.append(packet)
            send(packet)

        pair.drivers[0]._send = noted

        for _ in range(20):
            here.send(b"key")

        await until(lambda: len(got) == 20, "all keys")
        assert sum(len(packet) > 300 for packet in packets) == 1


async def test_a_reader_that_pauses_stops_the_writer() -> None:
    async with sctp_pair(limits=Limits(window=200_000)) as pair:
        here, there = await pair.channel()
        got: list[bytes] = []
        there.on_message = got.append
        there.pause_reading()
        for _ in range(100):
            here.send(bytes(10_000))
        await until(lambda: pair.ends[0]._out.peer_window < 10_000, "a full window")
        assert here.buffered > 700_000

        there.resume_reading()

        await until(lambda: len(got) == 100, "all messages")


async def test_closing_ends_the_other_end_and_leaves_no_timer() -> None:
    async with sctp_pair() as pair:
        here, _ = await pair.channel()
        here.send(b"not acknowledged")

        pair.drivers[0].close("Enough.")

        await until(lambda: pair.ends[1].is_closed, "the other end")
        assert pair.drivers[0]._timer is None


UVLOOP = """
import asyncio, uvloop
from tests.support.sctp_pair import sctp_pair
from tests.support.waiting import until

async def transfer():
    asyncio.get_running_loop().set_exception_handler(lambda loop, error: print(error))
    async with sctp_pair(delay=0.001, loss=0.05) as pair:
        here, there = await pair.channel()
        got = []
        there.on_message = got.append
        for _ in range(50):
            here.send(bytes(5000))
        pair.drivers[0]._arm(0.0)  # in the past, as when the loop was busy
        pair.drivers[0]._arm(0.0)
        await until(lambda: len(got) == 50, "all messages")

uvloop.run(transfer())
"""


async def test_it_runs_on_uvloop() -> None:
    """Whose handles of timers that are due have no `when`."""
    pytest.importorskip("uvloop")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", UVLOOP, stdout=PIPE, stderr=STDOUT
    )

    output, _ = await process.communicate()

    assert (process.returncode, output.decode()) == (0, "")
