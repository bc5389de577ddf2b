"""The client that tests are written with, connected to a daemon that the test plays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from guacr.testing.client import Behaviour, GuacClient, Hello, keysym
from guacr.testing.wire import Splitter, WireError, write

HELLO = write("args", "VERSION_1_5_0", "hostname", "port")


class Wire:
    """Both directions of a connection in memory: a `Writer`, and what the daemon says."""

    def __init__(self) -> None:
        self.daemon = asyncio.StreamReader()
        self.said: list[tuple[str, ...]] = []
        self._splitter = Splitter()

    def write(self, data: bytes) -> None:
        self.said += [(one.opcode, *one.args) for one in self._splitter.feed(data)]

    async def drain(self) -> None: ...

    def close(self) -> None: ...

    async def wait_closed(self) -> None: ...


@pytest.fixture
async def wire() -> Wire:
    return Wire()


@pytest.fixture
async def client(wire: Wire) -> AsyncIterator[GuacClient]:
    async with GuacClient(wire.daemon, wire) as client:
        yield client


@pytest.mark.parametrize(
    ("version", "last"),
    [
        ("VERSION_1_5_0", [("name", "tester"), ("connect", "VERSION_1_5_0", "h", "")]),
        ("VERSION_1_1_0", [("timezone", "Europe/Berlin"), ("connect", "VERSION_1_1_0", "h", "")]),
        ("VERSION_1_0_0", [("image", "image/png"), ("connect", "", "h", "")]),
    ],
)
async def test_the_handshake_of_each_version(
    client: GuacClient, wire: Wire, version: str, last: list[tuple[str, ...]]
) -> None:
    wire.daemon.feed_data(HELLO + write("ready", "$1"))
    hello = Hello(version=version, image=("image/png",))
    await client.handshake("desk", {"hostname": "h"}, hello)
    assert wire.said[0] == ("select", "desk")
    assert wire.said[1] == ("size", "1024", "768", "96")
    assert wire.said[-2:] == last
    assert client.state.ready == "$1"


async def test_parameters_that_the_daemon_does_not_have_are_an_error(
    client: GuacClient, wire: Wire
) -> None:
    wire.daemon.feed_data(HELLO)
    with pytest.raises(
        AssertionError, match=r"parameters \{'colour'\} are unknown: the known ones are"
    ):
        await client.handshake("desk", {"colour": "red"})


async def test_the_first_frame_may_come_along_with_what_is_before_it(
    client: GuacClient, wire: Wire
) -> None:
    wire.daemon.feed_data(HELLO + write("ready", "$1") + write("sync", 1))
    await client.handshake("desk")
    await client.frame()
    assert client.state.syncs == 1
    assert ("sync", "1") in wire.said


async def test_each_call_waits_for_another_frame(client: GuacClient, wire: Wire) -> None:
    wire.daemon.feed_data(write("sync", 1))
    await client.frame()
    later = asyncio.create_task(client.frame())
    wire.daemon.feed_data(write("nop"))
    await client.wait(lambda: ("nop",) in wire.said)
    assert not later.done()
    wire.daemon.feed_data(write("sync", 2))
    await later


async def test_what_was_awaited_in_vain_is_told_with_what_came(
    client: GuacClient, wire: Wire
) -> None:
    wire.daemon.feed_data(write("name", "a title"))
    with pytest.raises(AssertionError, match=r"(?s)waited 0.05 s: a picture.*name a title"):
        await client.wait(lambda: client.state.syncs, "a picture", timeout=0.05)


async def test_a_connection_that_ends_ends_the_wait(client: GuacClient, wire: Wire) -> None:
    wire.daemon.feed_data(write("error", "no such host", 519))
    wire.daemon.feed_eof()
    with pytest.raises(AssertionError, match=r"(?s)closed before a picture.*no such host"):
        await client.wait(lambda: client.state.syncs, "a picture")
    await client.wait_closed()
    assert client.state.errors == [("no such host", 519)]


@pytest.mark.parametrize(
    "data",
    [b"4.syn,1.1;", b"x.", write("sync", "one"), write("blob", 3, "AAAA"), write("unheard-of")],
)
async def test_what_breaks_the_protocol_is_raised_by_whoever_waits(
    client: GuacClient, wire: Wire, data: bytes
) -> None:
    wire.daemon.feed_data(data)
    with pytest.raises(WireError):
        await client.wait(lambda: client.state.syncs)


async def test_streams_are_acknowledged_and_kept(client: GuacClient, wire: Wire) -> None:
    wire.daemon.feed_data(write("file", 0, "text/plain", "a.txt") + write("blob", 0, "aGk="))
    wire.daemon.feed_data(write("end", 0))
    wire.daemon.feed_data(write("clipboard", 1, "text/plain") + write("end", 1))
    await client.wait(lambda: client.state.clipboards)
    (file,) = client.state.streams
    assert (file.args, bytes(file.data)) == (("text/plain", "a.txt"), b"hi")
    assert wire.said == [("ack", "0", "OK", "0")] * 2


async def test_a_silent_client_says_nothing(wire: Wire) -> None:
    behaviour = Behaviour(sync=False, ack=False, nop=False)
    async with GuacClient(wire.daemon, wire, behaviour) as client:
        wire.daemon.feed_data(write("nop") + write("file", 0, "a", "b") + write("sync", 1))
        await client.frame()
        assert wire.said == []


async def test_input(client: GuacClient, wire: Wire) -> None:
    client.type("a\n")
    client.click(3, 4)
    client.touch(0, 5, 6, radius=(2, 3), force=0.5)
    client.size(7, 8)
    assert client.clipboard("ü" * 3025) == 0
    assert client.argv("name", "v") == 1
    assert wire.said[:4] == [("key", str(k), str(d)) for k in (97, 0xFF0D) for d in (1, 0)]
    assert wire.said[4:7] == [("mouse", "3", "4", str(buttons)) for buttons in (0, 1, 0)]
    assert wire.said[7:9] == [("touch", "0", "5", "6", "2", "3", "0", "0.5"), ("size", "7", "8")]
    assert [one[0] for one in wire.said[9:]] == [
        "clipboard", "blob", "blob", "end", "argv", "blob", "end",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("character", "expected"),
    [
        ("a", 0x61),
        ("~", 0x7E),
        ("ÿ", 0xFF),
        ("\x1b", 0xFF1B),
        ("€", 0x010020AC),
        ("😀", 0x0101F600),
    ],
)
def test_keysyms(character: str, expected: int) -> None:
    assert keysym(character) == expected
