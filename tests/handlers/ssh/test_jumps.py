"""Hosts that are reached through others, each with credentials and a host key of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncssh
import pytest

from guacr.daemon import Daemon
from guacr.errors import BadRequestError
from guacr.protocol.status import Status
from guacr.session.configured import problems
from guacr.session.protocols import Protocols
from guacr.settings.models import Connection, Settings
from handlers.ssh.params import SshParams
from handlers.ssh.route import route
from tests.handlers.ssh.test_connecting import failure
from tests.handlers.ssh.test_session import _session_process
from tests.handlers.test_wake import card
from tests.handlers.test_wake import parameters as wake_parameters
from tests.support.openssh import OpenSsh
from tests.support.scripted_host import saying, scripted_host
from tests.support.ssh_desk import desk, ssh_daemon
from tests.support.ssh_questions import Questions, asking_server
from tests.support.waiting import free_port, until


def jump(server: OpenSsh, key: str, number: str = "", **values: str) -> dict[str, str]:
    """The parameters that lead through the server."""
    own = {
        "hostname": server.host,
        "port": str(server.port),
        "username": server.user,
        "private-key": key,
        "host-key": server.host_key(),
    } | {name.replace("_", "-"): value for name, value in values.items()}
    return {f"ssh-jump{number}-{name}": value for name, value in own.items()}


def target(server: OpenSsh, key: str) -> dict[str, str]:
    return server.address | {"username": server.user, "private-key": key}


@asynccontextmanager
async def jump_host(password: str = "right") -> AsyncIterator[tuple[dict[str, str], list[str]]]:
    """A jump host that forwards; its parameters, and whoever logged in, with what password."""
    seen: list[str] = []

    class Server(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, given: str) -> bool:
            seen.append(f"{username}:{given}")
            return given == password

        def connection_requested(self, *_: object) -> bool:
            return True

    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        config=None,
        server_factory=Server,
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
    )
    try:
        place = {"ssh-jump-hostname": "127.0.0.1", "ssh-jump-port": str(listener.get_port())}
        yield place, seen
    finally:
        listener.close()
        await listener.wait_closed()


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_a_shell_through_jump_hosts(
    daemon: Daemon, server: OpenSsh, key: str, count: int
) -> None:
    jumps: dict[str, str] = {}
    for number in ("", "-2", "-3")[:count]:
        jumps |= jump(server, key, number)
    async with desk(daemon, target(server, key) | jumps) as person:
        await person.see("$")
        person.client.type("echo $((6*7))-done; echo $SSH_CLIENT\n")
        await person.see("\n42-done\n")
        assert person.text.count("Connecting to jump host") == count
        person.client.type("exit\n")
        await person.end()
    await until(lambda: not daemon.registry.sessions, "the session's end")


async def test_a_host_behind_is_sent_a_wake_on_lan_packet(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    async with card() as sleeper:
        wake = wake_parameters(sleeper, 60)
        async with desk(daemon, target(server, key) | jump(server, key) | wake) as person:
            await person.see("$")
            await until(lambda: len(sleeper.packets) == 1, "the packet")


async def test_nothing_of_the_hosts_credentials_reaches_a_jump_host(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    async with (
        jump_host() as (place, seen),
        desk(daemon, target(server, key) | place | {"password": "for-the-host"}) as person,
    ):
        await person.see("Jump host '127.0.0.1' is not verified")
        await person.see("Password:")
        person.client.type("right\n")
        await person.see("$")
        assert seen == [f"{server.user}:right"]


async def test_a_jump_host_that_refuses_the_password_is_named(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    async with jump_host() as (place, _):
        values = target(server, key) | place | {"ssh-jump-password": "not-right"}
        sentence, status = await failure(daemon, values)
    assert status == Status.CLIENT_UNAUTHORIZED
    assert sentence.startswith("jump host '127.0.0.1': host '127.0.0.1' rejects the password")
    assert "not-right" not in sentence


async def test_a_jump_host_with_another_key_is_named(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    values = jump(server, key, host_key=other)
    sentence, status = await failure(daemon, target(server, key) | values)
    assert status == Status.UPSTREAM_ERROR
    assert sentence.startswith("jump host '127.0.0.1': ")
    assert f"it shows {server.fingerprint()}" in sentence


@pytest.mark.parametrize("name", ["private-key", "host-key"])
def test_a_parameter_of_a_jump_host_is_named_as_it_is(name: str) -> None:
    values = {"hostname": "h", "ssh-jump-hostname": "j", f"ssh-jump-{name}": "junk"}
    (problem,) = problems(Protocols(), Settings(), Connection(protocol="ssh", parameters=values))
    assert problem.startswith(f"jump host 'j': parameter ssh-jump-{name} ")


async def test_the_host_behind_is_verified_by_its_own_key(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    values = target(server, key) | jump(server, key) | {"host-key": other}
    sentence, _ = await failure(daemon, values)
    assert sentence.startswith("host '127.0.0.1' is not the one expected")


async def test_a_host_that_the_jump_host_cannot_reach(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    port = str(free_port())
    values = target(server, key) | jump(server, key) | {"port": port}
    sentence, status = await failure(daemon, values)
    assert status == Status.UPSTREAM_UNAVAILABLE
    assert f"the jump host before it cannot connect to port {port} of host '127.0.0.1'" in sentence


async def test_a_jump_host_that_forwards_nothing(daemon: Daemon, server: OpenSsh, key: str) -> None:
    with server.variant("AllowTcpForwarding no") as address:
        values = target(server, key) | jump(server, key, port=address["port"])
        sentence, status = await failure(daemon, values)
    assert status == Status.UPSTREAM_UNAVAILABLE
    assert "AllowTcpForwarding" in sentence


async def test_a_host_behind_that_never_greets(daemon: Daemon, server: OpenSsh, key: str) -> None:
    async with scripted_host(saying(b"")) as silent:
        values = silent | jump(server, key) | {"timeout": "1"}
        sentence, status = await failure(daemon, values)
    assert status == Status.UPSTREAM_TIMEOUT
    assert "no SSH server sent a greeting within 1 s" in sentence


async def test_all_logins_together_have_the_time_of_one(server: OpenSsh, key: str) -> None:
    questions = Questions([("", [("Password: ", False)], ["right"])])
    async with (
        ssh_daemon(login_timeout=1.5) as daemon,
        asking_server(questions) as address,
        desk(daemon, address | jump(server, key)) as person,
    ):
        await person.see("Password:")
        sentence, status = await person.failure()
    assert status == Status.UPSTREAM_TIMEOUT
    assert "took longer than 1.5 s" in sentence


async def test_a_jump_host_that_is_lost_is_told(daemon: Daemon, server: OpenSsh, key: str) -> None:
    async with (
        jump_host() as (place, _),
        desk(daemon, target(server, key) | place | {"ssh-jump-password": "right"}) as person,
    ):
        await person.see("$")
        way = person.handler._shell._channel.get_connection()._transport  # type: ignore[attr-defined]
        way.get_connection()._transport.abort()
        sentence, status = await person.failure()
    assert status == Status.UPSTREAM_ERROR
    assert sentence.startswith("jump host '127.0.0.1': ")


async def test_an_end_by_the_host_behind_is_an_end(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    async with desk(daemon, target(server, key) | jump(server, key)) as person:
        await person.see("$")
        person.client.type("PS1='ready> '; clear\n")
        await until(lambda: person.text.strip() == "ready>", "a prompt")
        os.kill(await _session_process(person), signal.SIGKILL)
        await person.end()


async def test_jump_hosts_are_numbered_without_a_gap() -> None:
    with pytest.raises(BadRequestError, match="ssh-jump-hostname is empty"):
        route(SshParams.parse({"hostname": "host", "ssh-jump-2-hostname": "second"}))
    with pytest.raises(BadRequestError, match="ssh-jump-2-hostname is empty"):
        route(SshParams.parse({"ssh-jump-hostname": "a", "ssh-jump-3-hostname": "c"}))
    hops = route(SshParams.parse({"hostname": "host", "ssh-jump-hostname": "a"}))
    assert [hop.place for hop in hops] == ["jump host 'a'", "host 'host'"]


async def test_secrets_are_not_shown() -> None:
    params = {"ssh-jump-hostname": "a", "ssh-jump-password": "hunter2", "password": "hunter3"}
    assert "hunter" not in repr(route(SshParams.parse(params)))
