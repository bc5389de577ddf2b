"""The number of connections that a port accepts."""

import pytest

from guacr.addresses import network_of
from guacr.errors import BusyError
from guacr.net.connection_limits import ConnectionLimits, connections_for


def test_the_total_is_bounded() -> None:
    occupancy = ConnectionLimits(3, 100)
    places = [occupancy.enter(address) for address in "abc"]
    with pytest.raises(BusyError, match="all 3 connections"):
        occupancy.enter("d")
    places[0].leave()
    places[0].leave()
    occupancy.enter("d")
    with pytest.raises(BusyError):
        occupancy.enter("e")


def test_an_address_has_few_without_a_session() -> None:
    occupancy = ConnectionLimits(100, 2)
    first, second = occupancy.enter("a"), occupancy.enter("a")
    with pytest.raises(BusyError, match="2 connections of this address"):
        occupancy.enter("a")
    occupancy.enter("b")
    first.settle()
    first.settle()
    occupancy.enter("a")
    second.leave()
    occupancy.enter("a")
    with pytest.raises(BusyError):
        occupancy.enter("a")


def test_one_address_leaves_half_for_the_others() -> None:
    occupancy = ConnectionLimits(10, 1000)
    for _ in range(5):
        occupancy.enter("a")
    with pytest.raises(BusyError):
        occupancy.enter("a")
    for _ in range(5):
        occupancy.enter("b")


@pytest.mark.parametrize(("files", "connections"), [(0, 8), (256, 52), (1024, 244)])
def test_files_bound_connections(files: int, connections: int) -> None:
    assert connections_for(files) == connections


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"),
        ("2001:db8:0:1::9", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64%eth0"),
    ],
)
def test_a_network_of_ipv6_counts_as_one_address(address: str, network: str) -> None:
    assert network_of(address) == network
