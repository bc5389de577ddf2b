"""Sessions with limits, in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from guacr.limits.ledger import LocalLedger
from guacr.limits.limiter import limit_sessions
from guacr.limits.refusal import counts
from guacr.policy.client import Client
from guacr.protocol.client import ClientInfo
from guacr.session.input.reader import Reader
from guacr.session.origin import ANYONE, Origin
from guacr.settings.models import Settings
from tests.support.loopback import Bench, MemoryTransport, note_session

CLIENT = ClientInfo(width=200, height=100, version=(1, 5, 0), name="somebody")


class AddressedTransport(MemoryTransport):
    """A transport in memory whose client has an address, and names in a certificate."""

    def __init__(self, address: str, *certificates: str) -> None:
        super().__init__()
        self._client = Client("tcp", address, certificates)

    @property
    def client(self) -> Client:
        return self._client


class LimitedBench(Bench):
    """A bench whose sessions have limits; `sections` are those of the settings."""

    def __init__(self, **sections: object) -> None:
        super().__init__(Settings.model_validate(sections))
        self.ledger = LocalLedger(asyncio.get_running_loop().time)
        limit_sessions(self.registry, self.ledger)

    def open(
        self, origin: Origin = ANYONE, address: str = "", select: str = "sketch", *names: str
    ) -> tuple[MemoryTransport, Reader]:
        """A client of an origin, an address and names in a certificate, whose session opens or is
        joined."""
        transport = AddressedTransport(address, *names)
        reader = self.registry.open(select, {}, CLIENT, transport, origin)
        note_session(reader)
        return transport, reader


MakeLimited = Callable[..., LimitedBench]


@pytest.fixture
async def make_bench() -> AsyncIterator[MakeLimited]:
    """Makes benches; `sections` of settings are its arguments. They are closed at the end."""
    benches: list[LimitedBench] = []

    def make(**sections: object) -> LimitedBench:
        benches.append(LimitedBench(**sections))
        return benches[-1]

    yield make
    for bench in benches:
        await bench.close()
        assert not bench.ledger.book._sessions, "every lease is returned"


@pytest.fixture(autouse=True)
def no_counts() -> Iterator[None]:
    counts.clear()
    yield
    counts.clear()
