"""Groups that a host chooses: bounded in size, and used without proving their primes."""

from __future__ import annotations

import time

import asyncssh
import asyncssh.kex_dh
import pytest

from guacr.daemon import Daemon
from guacr.sshlib import asyncssh_kex_dh
from handlers.ssh.group_exchange import ForeignGroup
from tests.support.ssh_desk import desk
from tests.support.ssh_device import Process, device

MODULUS = asyncssh_kex_dh._group16_p


def test_both_sides_have_the_same_secret() -> None:
    ann, bob = ForeignGroup(5, MODULUS), ForeignGroup(5, MODULUS)
    assert ann.get_shared(bob.get_public()) == bob.get_shared(ann.get_public())
    assert ann.get_public() != bob.get_public()


@pytest.mark.parametrize(
    ("generator", "modulus"),
    [(2, (1 << 16384) - 1), (2, 1021), (1, MODULUS), (MODULUS - 1, MODULUS), (2, MODULUS + 1)],
    ids=["long", "short", "one", "minus one", "even"],
)
def test_a_group_that_makes_no_sense_is_refused(generator: int, modulus: int) -> None:
    with pytest.raises(asyncssh.KeyExchangeFailed):
        ForeignGroup(generator, modulus)


@pytest.mark.parametrize("number", [0, 1, MODULUS - 1, MODULUS], ids=["0", "1", "p-1", "p"])
def test_a_number_that_makes_no_sense_is_refused(number: int) -> None:
    with pytest.raises(asyncssh.KeyExchangeFailed):
        ForeignGroup(5, MODULUS).get_shared(number)


async def test_a_host_with_a_group_of_its_own_is_connected_to_at_once(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With cryptography's check, each side takes many seconds.
    group = (4096, 5, MODULUS)
    monkeypatch.setattr(asyncssh.kex_dh, "_dh_gex_groups", (group,))

    async def greet(process: Process, connection: object) -> None:
        process.stdout.write("welcome")
        await process.stdin.read(1)

    started = time.monotonic()
    options = {"kex_algs": ["diffie-hellman-group-exchange-sha256"]}
    async with device(greet, **options) as address, desk(daemon, address) as person:
        await person.see("welcome")
    assert time.monotonic() - started < 20
