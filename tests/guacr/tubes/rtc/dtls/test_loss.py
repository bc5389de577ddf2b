"""Handshakes on networks that lose, delay, reorder and repeat."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Container, Sequence

import pytest

from guacr.tubes.errors import DtlsTimeoutError
from guacr.tubes.rtc.dtls.connection import HANDSHAKE_TIMEOUT, RESEND_FIRST, Dtls, DtlsState
from tests.guacr.tubes.rtc.dtls.link import (
    LOST,
    ON_TIME,
    OTHER,
    TRIP,
    Link,
    Plain,
    client,
    context,
    encrypted,
    server,
)

SMALL = 300
"""A length of datagrams that makes each flight many."""


def talk(link: Link) -> None:
    """Show that data flows in both directions."""
    one, other = link.client, link.server
    assert isinstance(one, Dtls)
    assert isinstance(other, Dtls)
    assert other.receive(encrypted(one, b"ping"), link.now) == [b"ping"]
    assert one.receive(encrypted(other, b"pong"), link.now) == [b"pong"]


def only(which: Container[int], fate: Sequence[float]) -> Callable[[int], Sequence[float]]:
    """A network on which the datagrams of these numbers have another fate than the rest."""
    return lambda number: fate if number in which else ON_TIME


def number_of_datagrams(mtu: int) -> int:
    return len(Link(client(mtu=mtu), server(mtu=mtu)).start().run().sent)


@pytest.mark.parametrize("mtu", [SMALL, 1200])
def test_every_single_loss(mtu: int) -> None:
    for lost in range(number_of_datagrams(mtu)):
        link = Link(client(mtu=mtu), server(mtu=mtu), only((lost,), LOST))
        begin = link.now
        link.start().run()
        assert link.is_connected, lost
        assert link.now - begin <= RESEND_FIRST + 8 * TRIP, lost
        talk(link)


def test_every_pair_of_losses() -> None:
    for pair in itertools.combinations(range(8), 2):
        link = Link(fate=only(pair, LOST))
        begin = link.now
        link.start().run()
        assert link.is_connected, pair
        assert link.now - begin <= 3 * RESEND_FIRST + 12 * TRIP, pair
        talk(link)


@pytest.mark.parametrize("mtu", [SMALL, 1200])
def test_every_single_delay(mtu: int) -> None:
    for late in range(number_of_datagrams(mtu)):
        for more in (1.5 * TRIP, RESEND_FIRST, 3 * RESEND_FIRST):
            link = Link(
                client(mtu=mtu),
                server(mtu=mtu),
                only((late,), (more,)),
            )
            assert link.start().run().is_connected, late
            talk(link)


def test_each_flight_in_reverse() -> None:
    link = Link(client(mtu=SMALL), server(mtu=SMALL), lambda number: (1 / (number + 1),))
    assert link.start().run().is_connected
    talk(link)


def test_each_datagram_twice() -> None:
    link = Link(client(mtu=SMALL), server(mtu=SMALL), lambda number: (0.0, 0.0, 0.1))
    assert link.start().run().is_connected
    talk(link)


@pytest.mark.parametrize("seed", range(25))
def test_networks_that_lose_a_quarter_and_mix_the_rest(seed: int) -> None:
    chance = random.Random(seed)

    def fate(number: int) -> Sequence[float]:
        return tuple(
            chance.random() / 10 for _ in range(chance.choices((0, 1, 2), (0.25, 0.65, 0.1))[0])
        )

    link = Link(client(mtu=SMALL), server(mtu=SMALL), fate).start().run()
    assert link.is_connected
    talk(link)


@pytest.mark.parametrize("seconds", [1.0, 5.0, 20.0])
def test_an_interruption_costs_two_seconds_at_most(seconds: float) -> None:
    link = Link()
    begin = link.now
    link.fate = lambda number: LOST if link.now < begin + seconds else ON_TIME
    link.start().run()
    assert link.is_connected
    assert link.now - begin < seconds + 2.1


def test_a_handshake_that_nobody_answers_ends_in_time() -> None:
    link = Link(fate=lambda number: LOST).start()
    begin = link.now
    with pytest.raises(DtlsTimeoutError, match="has not ended in 30 s: the peer does not answer"):
        link.run()
    assert link.now == begin + HANDSHAKE_TIMEOUT
    assert link.client.state is DtlsState.FAILED
    assert 10 < len(link.sent) < 25


def test_a_handshake_that_goes_on_and_on_ends_in_time() -> None:
    """The peer repeats its first message for ever."""
    other = server()
    hello = client()
    hello.start(0.0)
    (datagram,) = hello.take()
    other.start(0.0)
    sent = 0
    for tenth in range(int(10 * HANDSHAKE_TIMEOUT)):
        now = tenth / 10
        other.receive(datagram, now)
        if (deadline := other.deadline) is not None and deadline <= now:
            other.handle_timeout(now)
        sent += len(other.take())
    with pytest.raises(DtlsTimeoutError):
        other.handle_timeout(HANDSHAKE_TIMEOUT)
    assert 10 < sent < 25
    assert other.deadline is None
    assert other.receive(datagram, 100.0) == []
    other.handle_timeout(100.0)
    assert other.take() == []


def test_a_client_that_repeats_its_last_flight_gets_ours_at_intervals() -> None:
    link = Link().start().run()
    flight = link.sent[2][1]
    other = link.server
    for _ in range(1000):
        link.now += 0.001
        other.receive(flight, link.now)
    assert 8 <= len(other.take()) <= 10
    assert link.is_connected


def test_openssl_repeats_in_records_of_its_own() -> None:
    """The last flight of a peer without our repetitions is lost. It only answers to a record that
    it has not seen, which OpenSSL writes by its own clock after a second."""
    one = client()
    link = Link(client=one, server=Plain(context(certificate=OTHER, verify=True), is_client=False))
    link.fate = lambda number: LOST if number == 3 else ON_TIME
    link.now = time.monotonic()
    link.start()
    end = link.now + 20
    while not link.is_connected and time.monotonic() < end:
        link.run(0.0)
        link.now = time.monotonic()
        time.sleep(0.005)
    assert link.is_connected
