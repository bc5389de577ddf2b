"""The places of a worker's clients."""

from __future__ import annotations

import asyncio

import pytest

from guacr.errors import BusyError
from guacr.net.connection_limits import ConnectionLimits
from guacr.workers.leases import Lease, Leases


class Bench:
    def __init__(self) -> None:
        self.reports: list[dict[str, list[int]]] = []
        self.limits = ConnectionLimits(4, 2)
        self.leases = Leases(self.reports.append)

    def take(self, number: int, address: str = "10.0.0.1") -> Lease:
        return self.leases.take(number, self.limits.enter(address))

    async def reported(self) -> list[dict[str, list[int]]]:
        await asyncio.sleep(0)
        reports, self.reports[:] = list(self.reports), []
        return reports


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_changes_of_a_turn_are_one_report(bench: Bench) -> None:
    one, other = bench.take(1), bench.take(2)
    one.settle()
    one.settle()
    other.leave()
    other.leave()
    bench.leases.refuse(3)
    assert await bench.reported() == [{"taken": [1, 2, 3], "settled": [1], "left": [2, 3]}]
    assert len(bench.leases) == bench.limits.count == 1
    one.leave()
    assert await bench.reported() == [{"left": [1]}]
    assert len(bench.leases) == bench.limits.count == 0


async def test_nothing_is_reported_of_a_client_that_another_worker_has(bench: Bench) -> None:
    lease = bench.take(7)
    assert lease.give_up() == 7
    assert lease.give_up() == 0
    lease.leave()
    assert await bench.reported() == [{"taken": [7]}]
    assert len(bench.leases) == bench.limits.count == 0


async def test_clients_behind_a_proxy_are_counted_here(bench: Bench) -> None:
    proxied = [bench.take(number, f"10.0.0.{number}") for number in range(3)]
    for lease in proxied[:2]:
        lease.move("192.0.2.1")
    with pytest.raises(BusyError):
        proxied[2].move("192.0.2.1")
    assert await bench.reported() == [{"taken": [0, 1, 2], "settled": [0, 1]}]
