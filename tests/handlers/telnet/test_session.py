"""Whole sessions with real Telnet servers, seen from a client of the daemon."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from tests.support.require import missing
from tests.support.ssh_desk import Desk, desk
from tests.support.telnetd import busybox, inetutils, telnetd
from tests.support.unix_user import new_user
from tests.support.waiting import until

BOTH = pytest.mark.parametrize("server", [inetutils, busybox])
Server = Callable[[], list[str]]


@asynccontextmanager
async def shell(daemon: Daemon, server: Server, **parameters: str) -> AsyncIterator[Desk]:
    """A shell at its prompt."""
    async with (
        telnetd(server()) as address,
        desk(daemon, address | parameters, protocol="telnet") as person,
    ):
        await until(lambda: person.text.rstrip()[-1:] in ("#", "$"), "a prompt")
        person.client.type(r"PS1='ready''> '; printf '\033[H\033[2J\033[3J'" + "\n")
        await until(lambda: person.text.strip() == "ready>", "a clear screen")
        yield person


@BOTH
async def test_a_shell_echoes_runs_and_exits(daemon: Daemon, server: Server) -> None:
    async with shell(daemon, server) as person:
        person.client.type("echo $((6*7))-done\n")
        await person.see("\n42-done\n")
        person.client.type("exit\n")
        await person.end()


@BOTH
async def test_the_host_follows_the_windows_size(daemon: Daemon, server: Server) -> None:
    async with shell(daemon, server) as person:
        columns, rows, _, _ = person.handler.window
        person.client.type("stty size\n")
        await person.see(f"\n{rows} {columns}\n")
        person.client.size(640, 480)
        await until(lambda: person.handler.window[0] < columns, "a smaller window")
        columns, rows, _, _ = person.handler.window
        person.client.type("stty size\n")
        await person.see(f"\n{rows} {columns}\n")


@BOTH
async def test_characters_of_eight_bits_go_both_ways(daemon: Daemon, server: Server) -> None:
    async with shell(daemon, server) as person:
        person.client.type("cat\n")
        person.client.type("grüße 日本 ÿ\n")
        await until(lambda: person.text.count("grüße 日本 ÿ") == 2, "the echo, and the line")


@BOTH
async def test_an_interrupt_stops_a_flood(daemon: Daemon, server: Server) -> None:
    async with shell(daemon, server) as person:
        person.client.type("yes flooding\n")
        await person.see("flooding\nflooding\n")
        person.control("c")
        await until(lambda: person.text.rstrip().endswith("ready>"), "a prompt")
        person.client.type("echo still-$((1+1))-here\n")
        await person.see("still-2-here")


@BOTH
async def test_everything_of_a_long_output_arrives(daemon: Daemon, server: Server) -> None:
    async with shell(daemon, server) as person:
        person.client.type("seq 60000; echo all-$((2*2))\n")
        await person.see("59999\n60000\nall-4\n")


@BOTH
async def test_a_long_paste_arrives(daemon: Daemon, server: Server) -> None:
    async with shell(daemon, server) as person:
        person.client.type("stty -echo; wc -l\n")
        for _ in range(200):
            person.client.type("x" * 49 + "\n")
        person.control("d")
        await person.see("200\nready>")


async def test_the_host_knows_the_terminals_type(daemon: Daemon) -> None:
    values = {"terminal-type": "xterm-256color"}
    async with shell(daemon, inetutils, **values) as person:  # busybox does not ask for it
        person.client.type("echo $TERM\n")
        await person.see("\nxterm-256color\n")


# ---- the system's own login


@pytest.fixture(scope="module")
def user() -> Iterator[tuple[str, str]]:
    """Name and password."""
    with new_user() as (name, password):
        if not password:
            missing("making a user with a password takes root")
        yield name, password


VERDICTS = {"login-success-regex": "[$#] ?$", "login-failure-regex": "incorrect"}


async def test_a_login(daemon: Daemon, user: tuple[str, str]) -> None:
    values = VERDICTS | {"username": user[0], "password": user[1]}
    async with (
        telnetd(inetutils("")) as address,
        desk(daemon, address | values, protocol="telnet") as person,
    ):
        await person.see("$")
        person.client.type("id -un | tr a-z A-Z\n")
        await person.see(f"\n{user[0].upper()}\n")


async def test_a_login_with_a_wrong_password(daemon: Daemon, user: tuple[str, str]) -> None:
    values = VERDICTS | {"username": user[0], "password": "wrong"}
    async with (
        telnetd(inetutils("")) as address,
        desk(daemon, address | values, protocol="telnet") as person,
    ):
        sentence, status = await person.failure()
    assert status == Status.CLIENT_UNAUTHORIZED
    assert "rejects the login" in sentence
