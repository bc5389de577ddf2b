"""Messages of multicast DNS, and looking names up in a namespace."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from time import perf_counter

import dns.message
import pytest
from aioice.mdns import create_mdns_protocol
from hypothesis import given
from hypothesis import strategies as st

from guacr.tubes.rtc.ice import mdns
from guacr.tubes.rtc.ice.mdns import AAAA, A, addresses, question, resolve
from tests.support.network_namespace import check_namespaces, inside, ip, namespace, tun_device
from tests.support.waiting import until

NAME = "f4fe4090-27f1-408e-b28f-e6a5c980eb92.local"
CHROMIUM = (
    b"\0\0\x84\0\0\0\0\1\0\0\0\1$f4fe4090-27f1-408e-b28f-e6a5c980eb92\5local\0\0\1\x80\1"
    b"\0\0\0x\0\4\n\t\0\1$f4fe4090-27f1-408e-b28f-e6a5c980eb92\5local\0\0/\x80\1\0\0\0x\0\5"
    b"\xc0F\0\1@"
)
"""An answer of Chromium 150, with the NSEC record that dnspython refuses."""
POINTED = b"\0\0\x84\0\0\0\0\2\0\0\0\0\1X\5local\0\0\x1c\0\1\0\0\0x\0\x10" + bytes(15) + b"\1"
POINTED += b"\xc0\x0c\0\1\x80\1\0\0\0x\0\4\n\t\0\1"


@pytest.fixture(name="network")
def _network() -> Iterator[str]:
    check_namespaces()
    with namespace() as name, tun_device(name, "one", "10.9.0.1/24"), inside(name):
        ip("-n", name, "route", "add", "default", "dev", "one")  # which aioice needs
        yield name


def test_questions_are_read_by_others() -> None:
    for kind, text in ((A, "A"), (AAAA, "AAAA")):
        message = dns.message.from_wire(question(NAME, kind))
        assert [one.to_text() for one in message.question] == [f"{NAME}. IN {text}"]
        assert message.flags == message.id == 0


def test_answers() -> None:
    assert list(addresses(CHROMIUM)) == [(NAME, "10.9.0.1")]
    assert list(addresses(POINTED)) == [("x.local", "::1"), ("x.local", "10.9.0.1")]
    assert list(addresses(question(NAME, A))) == []


def test_every_cut_answer_is_refused() -> None:
    for length in range(len(CHROMIUM) - 60):
        with pytest.raises(ValueError, match="cut"):
            list(addresses(CHROMIUM[:length]))


def test_names_without_end_are_refused() -> None:
    header = b"\0\0\x84\0\0\0\0\1\0\0\0\0"
    for name in (b"\xc0\x0c", b"\1a\xc0\x0c", b"\1a" * 5000):
        with pytest.raises(ValueError, match="no end"):
            list(addresses(header + name))


@given(st.binary(max_size=80).map(lambda data: CHROMIUM[:8] + data) | st.binary())
def test_nothing_but_the_documented_error(message: bytes) -> None:
    try:
        found = list(addresses(message))
    except ValueError:
        return
    assert len(found) <= mdns.RECORDS_MAX


async def test_names_are_looked_up(network: str) -> None:
    assert network
    publisher = await create_mdns_protocol()
    try:
        await publisher.publish("one.local", "10.9.0.1")
        await publisher.publish("two.local", "fd09::2")
        names = ("one.local", "ONE.local", "two.local", "nobody.local")
        tasks = [asyncio.ensure_future(resolve(name)) for name in names]
        await until(lambda: len(mdns._resolvers) == 1, "a resolver for all of them")
        await until(lambda: all(task.done() for task in tasks[:3]), "three answers")
        assert [task.result() for task in tasks[:3]] == ["10.9.0.1", "10.9.0.1", "fd09::2"]
        assert await tasks[3] is None
        assert mdns._resolvers == {}
    finally:
        await publisher.close()


async def test_a_cancelled_look_up_leaves_nothing(network: str) -> None:
    assert network
    task = asyncio.ensure_future(resolve("nobody.local"))
    await until(lambda: mdns._resolvers, "a resolver")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert mdns._resolvers == {}


async def test_without_an_interface_there_is_no_waiting() -> None:
    check_namespaces()
    with namespace() as name, inside(name):
        begun = perf_counter()
        assert await resolve("one.local") is None
        assert perf_counter() - begun < 0.2
