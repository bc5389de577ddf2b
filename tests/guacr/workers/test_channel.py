"""Channels: messages, descriptors and requests, and the end of the other side."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from guacr.errors import GuacrError, NotFoundError, UpstreamUnavailableError
from guacr.workers import channel as channel_module
from guacr.workers import wire
from guacr.workers.channel import Channel, socket_pair
from guacr.workers.wire import Message
from tests.support.waiting import until


class End:
    """One end, and what it has received."""

    def __init__(self, sock: socket.socket) -> None:
        self.messages: list[Message] = []
        self.closed = 0
        self.channel = Channel(sock, self.messages.append, self._lost)

    def _lost(self) -> None:
        self.closed += 1


@pytest.fixture
async def ends() -> Iterator[tuple[End, End]]:  # type: ignore[misc]
    one, other = map(End, socket_pair())
    yield one, other
    one.channel.close()
    other.channel.close()


async def test_messages_arrive_in_order_whatever_their_size(ends: tuple[End, End]) -> None:
    one, other = ends
    sent = [bytes([n]) * size for n, size in enumerate((0, 5_000_000, 3, 200_000, 1))]
    for number, data in enumerate(sent):
        one.channel.send("data", {"number": number}, data)
    await until(lambda: len(other.messages) == len(sent), "all messages")
    assert [message.data for message in other.messages] == sent
    assert [message.fields["number"] for message in other.messages] == list(range(5))
    assert one.channel.waiting == 0


async def test_descriptors_belong_to_the_receiver(ends: tuple[End, End]) -> None:
    one, other = ends
    reader, writer = os.pipe()
    one.channel.send("pipe", fd=writer)
    await until(lambda: other.messages, "the message")
    received = other.messages[0].fd
    assert received is not None
    os.write(received, b"hello")
    os.close(received)
    assert os.read(reader, 10) == b"hello"
    assert os.read(reader, 10) == b"", "nobody else has it"
    os.close(reader)


async def test_requests_are_answered_in_both_directions(ends: tuple[End, End]) -> None:
    one, other = ends

    async def double(argument: Any) -> Any:
        return argument * 2

    async def fail(argument: Any) -> Any:
        raise NotFoundError(f"there is no {argument}")

    one.channel.answers["double"] = other.channel.answers["double"] = double
    other.channel.answers["fail"] = fail
    assert await one.channel.request("double", [1]) == [1, 1]
    assert await other.channel.request("double", "x" * 100_000) == "x" * 200_000
    with pytest.raises(NotFoundError, match="there is no such"):
        await one.channel.request("fail", "such")
    with pytest.raises(GuacrError, match="unknown"):
        await one.channel.request("other")


async def test_an_answer_that_is_too_large_or_fails_is_an_error(
    ends: tuple[End, End], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = ends
    monkeypatch.setattr(wire, "MESSAGE_MAX", 100_000)

    async def large(argument: Any) -> Any:
        return "x" * 100_000

    async def broken(argument: Any) -> Any:
        return argument["missing"]

    other.channel.answers |= {"large": large, "broken": broken}
    with pytest.raises(GuacrError, match="more than"):
        await one.channel.request("large")
    with pytest.raises(GuacrError, match="internal error"):
        await one.channel.request("broken", {})


async def test_whoever_does_not_answer_in_time_is_not_awaited(ends: tuple[End, End]) -> None:
    one, other = ends

    async def never(argument: Any) -> Any:
        await asyncio.Event().wait()

    other.channel.answers["never"] = never
    with pytest.raises(UpstreamUnavailableError):
        await one.channel.request("never", timeout=0.01)
    waiting = asyncio.create_task(one.channel.request("never"))
    await asyncio.sleep(0)
    other.channel.close()
    with pytest.raises(UpstreamUnavailableError):
        await waiting
    assert (one.closed, other.closed) == (1, 0)
    with pytest.raises(UpstreamUnavailableError):
        await one.channel.request("never")


async def test_whoever_reads_nothing_is_given_up(
    ends: tuple[End, End], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_module, "WAITING_MAX", 1_000_000)
    one, other = ends
    asyncio.get_running_loop().remove_reader(other.channel._sock)
    reader, writer = os.pipe()
    with ExitStack() as stack:
        stack.callback(os.close, reader)
        for _ in range(100):
            one.channel.send("data", data=bytes(50_000))
        one.channel.send("pipe", fd=writer)
        assert one.closed == 1
        with pytest.raises(OSError, match="Bad file"):
            os.close(writer)


async def test_nonsense_ends_a_channel(ends: tuple[End, End]) -> None:
    one, other = ends
    one.channel._sock.send(b"nonsense")
    await until(lambda: other.closed, "the end")
    await until(lambda: one.closed, "the end of the other side")
