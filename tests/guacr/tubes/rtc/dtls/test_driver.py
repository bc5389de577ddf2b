from __future__ import annotations

import asyncio

from guacr.tubes.errors import DtlsError
from guacr.tubes.rtc.dtls.certificate import Certificate
from guacr.tubes.rtc.dtls.connection import Dtls, DtlsState
from guacr.tubes.rtc.dtls.driver import DtlsDriver
from tests.support.waiting import until


class Pair:
    """Two ends in one process; `log` has what each was told, in order."""

    def __init__(self) -> None:
        certificates = [Certificate.create(), Certificate.create()]
        self.log: list[list[object]] = [[], []]
        self.held: list[list[bytes]] | None = None
        """Datagrams for each end, while they are held back."""
        self.dtls = [
            Dtls(
                certificates[n],
                is_client=n == 0,
                remote_fingerprints=[certificates[1 - n].fingerprint],
            )
            for n in (0, 1)
        ]
        self.ends = [
            DtlsDriver(
                self.dtls[n],
                send=lambda datagram, to=1 - n: self._carry(datagram, to),  # type: ignore[misc]
                on_data=self.log[n].append,
                on_state=self.log[n].append,
            )
            for n in (0, 1)
        ]

    def _carry(self, datagram: bytes, to: int) -> None:
        if self.held is not None:
            self.held[to].append(datagram)
        else:
            asyncio.get_running_loop().call_soon(self.ends[to].receive, datagram)

    async def connect(self) -> None:
        for end in self.ends:
            end.start()
        await until(lambda: all(end.state is DtlsState.CONNECTED for end in self.ends), "both")


async def test_data_goes_both_ways() -> None:
    pair = Pair()
    await pair.connect()

    pair.ends[0].send(b"to the server")
    pair.ends[1].send(b"to the client")

    await until(lambda: len(pair.log[0]) + len(pair.log[1]) == 6, "both")
    for log, data in zip(pair.log, (b"to the client", b"to the server"), strict=True):
        assert log == [DtlsState.CONNECTING, DtlsState.CONNECTED, data]


async def test_the_state_is_told_before_data_of_the_same_datagram() -> None:
    pair = Pair()
    last: list[bytes] = []
    carry = pair._carry

    def joined(datagram: bytes, to: int) -> None:
        if to == 0 and pair.dtls[1].state is DtlsState.CONNECTED:
            last.append(datagram)
        else:
            carry(datagram, to)

    pair._carry = joined  # type: ignore[method-assign]
    for end in pair.ends:
        end.start()
    await until(lambda: pair.ends[1].state is DtlsState.CONNECTED, "the server")
    pair.ends[1].send(b"first")

    pair.ends[0].receive(b"".join(last))

    assert pair.log[0] == [DtlsState.CONNECTING, DtlsState.CONNECTED, b"first"]


async def test_a_handshake_that_nobody_answers_fails_with_a_sentence() -> None:
    pair = Pair()
    pair.held = [[], []]
    pair.dtls[0]._timeout = 0.3
    pair.ends[0].start()

    await until(lambda: pair.ends[0].state is DtlsState.FAILED, "the end")

    assert "does not answer" in pair.ends[0].reason
    assert len(pair.held[1]) >= 2, "the first flight is repeated"
    assert pair.ends[0]._timer is None


async def test_the_end_of_one_is_told_to_the_other() -> None:
    pair = Pair()
    await pair.connect()

    pair.ends[0].close()

    await until(lambda: pair.ends[1].state is DtlsState.CLOSED, "the other end")
    pair.ends[0].send(b"late")  # is dropped
    assert pair.log[1][-1] is DtlsState.CLOSED


async def test_a_failure_to_encrypt_is_an_end_and_not_an_exception() -> None:
    pair = Pair()
    await pair.connect()

    def fail(data: bytes | memoryview) -> None:
        pair.dtls[0]._state = DtlsState.FAILED
        raise DtlsError("it is broken")

    pair.dtls[0].send = fail  # type: ignore[method-assign]
    pair.ends[0].send(b"data")

    assert pair.ends[0].reason == "it is broken"
    assert pair.log[0][-1] is DtlsState.FAILED
