"""Our SCTP with that of aiortc, which was written by others after the same specifications."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from guacr.tubes.rtc.sctp_driver import SctpDriver
from guacr.tubes.sctp import Association, Channel, ChannelState
from tests.support.waiting import until

aiortc = pytest.importorskip("aiortc")


class Dtls(SimpleNamespace):
    """Stands between the two, where aiortc expects its DTLS transport."""

    state = "connected"

    def __init__(self, role: str) -> None:
        super().__init__(_role=role, receiver=None, other=None)

    def _register_data_receiver(self, receiver: Any) -> None:
        self.receiver = receiver

    def _unregister_data_receiver(self, receiver: Any) -> None:
        self.receiver = None

    async def _send_data(self, packet: bytes) -> None:
        asyncio.get_running_loop().call_soon(self.other.receive, packet)

    def deliver(self, packet: bytes) -> None:
        """Take a packet of ours."""
        self.queue.put_nowait(packet)

    async def run(self) -> None:
        """Hand packets over one at a time, as a DTLS transport does."""
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()
        while True:
            packet = await self.queue.get()
            if self.receiver is not None:
                await self.receiver._handle_data(packet)


class Both:
    """Our association, and aiortc's with its data channels."""

    def __init__(self, *, is_client: bool) -> None:
        self.dtls = Dtls("server" if is_client else "client")
        self.theirs = aiortc.RTCSctpTransport(self.dtls)
        self.ours = Association(is_client=is_client)
        self.driver = SctpDriver(self.ours, self.dtls.deliver)
        self.dtls.other = self.driver
        self.their_channels: list[Any] = []
        self.our_channels: list[Channel] = []
        self.theirs.on("datachannel", self.their_channels.append)
        self.ours.on_channel = self.our_channels.append

    def open_theirs(self, label: str) -> Any:
        """A channel that aiortc opens."""
        return aiortc.RTCDataChannel(
            self.theirs, aiortc.rtcdatachannel.RTCDataChannelParameters(label=label)
        )


@pytest_asyncio.fixture(params=[True, False], ids=["we are the client", "we are the server"])
async def both(request: pytest.FixtureRequest) -> AsyncIterator[Both]:
    ends = Both(is_client=request.param)
    carrying = asyncio.create_task(ends.dtls.run())
    await asyncio.sleep(0)
    await ends.theirs.start(aiortc.RTCSctpCapabilities(maxMessageSize=65536), 5000)
    ends.driver.start()
    await until(lambda: ends.ours.is_established and ends.theirs.state == "connected", "both")
    yield ends
    ends.driver.close("The test has ended.")
    await ends.theirs.stop()
    carrying.cancel()


async def test_channels_that_we_open(both: Both) -> None:
    ours = both.ours.open_channel("from us")
    got: list[bytes] = []
    ours.on_message = got.append
    await until(lambda: both.their_channels, "the channel")
    (theirs,) = both.their_channels
    theirs.on("message", theirs.send)

    for size in (1, 1164, 1165, 60_000, 0):
        ours.send(bytes(size))

    assert theirs.label == "from us"
    await until(lambda: [len(data) for data in got] == [1, 1164, 1165, 60_000, 0], "the echo")
    assert ours.state is ChannelState.OPEN


async def test_channels_that_they_open(both: Both) -> None:
    theirs = both.open_theirs("from them")
    got: list[bytes] = []
    theirs.on("message", got.append)
    await until(lambda: both.our_channels and theirs.readyState == "open", "the channel")
    (ours,) = both.our_channels
    ours.on_message = ours.send

    for size in (1, 1200, 1201, 60_000, 0):
        theirs.send(bytes(size))
    theirs.send("text é")

    assert ours.label == "from them"
    await until(lambda: len(got) == 6, "the echo")
    assert [len(data) for data in got[:5]] == [1, 1200, 1201, 60_000, 0]
    assert got[5] == "text é".encode()


@pytest.mark.parametrize("closer", ["we", "they"])
@pytest.mark.parametrize("opener", ["we", "they"])
async def test_closing(both: Both, opener: str, closer: str) -> None:
    if opener == "we":
        ours = both.ours.open_channel("c")
        await until(lambda: both.their_channels, "the channel")
        (theirs,) = both.their_channels
    else:
        theirs = both.open_theirs("c")
        await until(lambda: both.our_channels, "the channel")
        (ours,) = both.our_channels
    await until(lambda: ours.state is ChannelState.OPEN and theirs.readyState == "open", "open")

    if closer == "we":
        ours.close()
    else:
        theirs.close()

    await until(lambda: ours.state is ChannelState.CLOSED, "our end")
    await until(lambda: theirs.readyState == "closed", "their end")


async def test_a_large_transfer_each_way(both: Both) -> None:
    ours = both.ours.open_channel("bulk")
    await until(lambda: both.their_channels, "the channel")
    (theirs,) = both.their_channels
    sizes = [0, 0]

    def count(end: int, data: bytes) -> None:
        sizes[end] += len(data)

    ours.on_message = lambda data: count(0, data)
    theirs.on("message", lambda data: count(1, data))

    for _ in range(100):
        ours.send(bytes(50_000))
        theirs.send(bytes(50_000))

    await until(lambda: sizes == [5_000_000, 5_000_000], "10 MB")


async def test_the_end_of_either_is_noticed(both: Both) -> None:
    reasons: list[str] = []
    both.ours.on_closed = reasons.append

    await both.theirs.stop()

    await until(lambda: reasons == ["The peer has aborted the association."], "the abort")
