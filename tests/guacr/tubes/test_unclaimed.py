from __future__ import annotations

import pytest

from guacr.tubes import unclaimed
from guacr.tubes.sctp import ChannelState
from guacr.tubes.unclaimed import Unclaimed
from tests.support.sctp_pair import sctp_pair
from tests.support.waiting import until


async def test_a_channel_is_claimed_once_with_what_it_has_received() -> None:
    got: list[bytes] = []
    waiting = Unclaimed("t")
    async with sctp_pair() as pair:
        near, far = await pair.channel("c")
        waiting.add(far)
        near.send(b"early")
        await until(lambda: not near.buffered, "the data is there")

        claimed = waiting.claim("c")
        assert claimed is far
        assert waiting.claim("c") is None
        claimed.on_message = got.append
        claimed.resume_reading()

        await until(lambda: got == [b"early"], "what was received before")


async def test_one_that_nobody_claims_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unclaimed, "UNCLAIMED_FOR", 0.01)
    waiting = Unclaimed("t")
    async with sctp_pair() as pair:
        near, far = await pair.channel("c")
        waiting.add(far)

        await until(lambda: near.state is ChannelState.CLOSED, "the refusal")
        assert waiting.claim("c") is None


async def test_as_many_as_may_wait_and_one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unclaimed, "UNCLAIMED_MAX", 2)
    waiting = Unclaimed("t")
    async with sctp_pair() as pair:
        halves = [await pair.channel(label) for label in "abc"]
        for _, far in halves:
            waiting.add(far)

        await until(lambda: halves[2][0].state is ChannelState.CLOSED, "the refusal of the third")
        assert [waiting.claim(label) is not None for label in "abc"] == [True, True, False]


async def test_one_of_each_label_and_the_end() -> None:
    waiting = Unclaimed("t")
    async with sctp_pair() as pair:
        first, second = await pair.channel("c"), await pair.channel("c")
        waiting.add(first[1])
        waiting.add(second[1])
        await until(lambda: second[0].state is ChannelState.CLOSED, "the refusal of the second")

        waiting.close()

        await until(lambda: first[0].state is ChannelState.CLOSED, "the end of the first")
