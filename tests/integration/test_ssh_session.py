"""An SSH session shared by several clients: what each one sees, may do, and is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest

from guacr.daemon import Daemon
from guacr.testing.client import GuacClient
from tests.support.openssh import OpenSsh, openssh_server, sshd
from tests.support.require import missing
from tests.support.ssh_desk import Desk, shell, ssh_daemon
from tests.support.waiting import until


@pytest.fixture(scope="module")
def server() -> Iterator[OpenSsh]:
    if sshd() is None:
        missing("OpenSSH's server is not installed")
    with openssh_server() as running:
        yield running


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    async with ssh_daemon() as running:
        yield running


@pytest.fixture
async def owner(daemon: Daemon, server: OpenSsh) -> AsyncIterator[Desk]:
    async with shell(daemon, server, server.make_key("-t", "ed25519")) as person:
        yield person


async def join(daemon: Daemon, owner: Desk, **parameters: str) -> GuacClient:
    client = await GuacClient.connect(("127.0.0.1", daemon.port), owner.session.id, parameters)
    await client.frame()
    return client


async def same_picture(*clients: GuacClient) -> None:
    """Wait until all of them see the same, and that is not nothing."""

    def same() -> bool:
        first, *others = [client.canvas.flatten() for client in clients]
        return len(np.unique(first)) > 1 and all(np.array_equal(first, o) for o in others)

    await until(same, "the same picture at all clients")


async def test_joiners_see_and_type_what_the_owner_does(daemon: Daemon, owner: Desk) -> None:
    async with await join(daemon, owner) as joiner:
        await same_picture(owner.client, joiner)
        joiner.type("echo joined-$((1+1))\n")
        await owner.see("\njoined-2\n")
        await same_picture(owner.client, joiner)


async def test_a_read_only_joiner_sees_but_cannot_type(daemon: Daemon, owner: Desk) -> None:
    async with await join(daemon, owner, **{"read-only": "true"}) as guest:
        guest.type("echo guest\n")
        owner.client.type("echo owner-$((1+1))\n")
        await owner.see("\nowner-2\n")
        assert "guest" not in owner.text
        await same_picture(owner.client, guest)


async def test_a_password_that_is_typed_is_not_seen_by_others(daemon: Daemon, owner: Desk) -> None:
    async with await join(daemon, owner) as joiner:
        owner.client.type("read -sp 'Secret: ' x; echo; echo ${#x} characters\n")
        await owner.see("\nSecret:")
        owner.client.type("hunter2\n")
        await owner.see("\n7 characters\n")
        assert "hunter2" not in owner.text
        await same_picture(owner.client, joiner)


async def test_the_end_reaches_everyone(daemon: Daemon, owner: Desk) -> None:
    async with await join(daemon, owner) as joiner:
        owner.client.type("exit\n")
        await owner.end()
        await joiner.wait_closed()
        assert joiner.state.disconnect
        assert not joiner.state.errors


async def test_the_session_goes_on_when_the_owner_leaves(daemon: Daemon, owner: Desk) -> None:
    async with await join(daemon, owner) as joiner:
        await owner.client.close(politely=True)
        await until(lambda: len(owner.session.users) == 1, "the owner's departure")
        joiner.type("echo still-$((1+1))\n")
        await owner.see("\nstill-2\n")


async def test_the_title_is_the_hosts(daemon: Daemon, owner: Desk) -> None:
    owner.client.type("printf '\\033]0;my title\\007'\n")
    await owner.client.wait(lambda: owner.client.state.name == "my title", "the title")
    async with await join(daemon, owner) as joiner:
        assert joiner.state.name == "my title"


async def test_text_goes_in_and_out_through_the_clipboard(daemon: Daemon, owner: Desk) -> None:
    owner.client.clipboard("echo pasted-$((1+1))")
    await until(lambda: owner.handler.terminal.clipboard, "the clipboard's arrival")
    owner.client.click(300, 300, button=2)
    await owner.see("echo pasted-$((1+1))")
    owner.client.type("\n")
    await owner.see("\npasted-2\n")
    owner.client.type("clear; printf '\\033]52;c;'; printf copied | base64; printf '\\007'\n")
    await owner.client.wait(
        lambda: ("text/plain", b"copied") in owner.client.state.clipboards, "the copied text"
    )


async def test_a_flood_leaves_everyone_with_the_last_picture(daemon: Daemon, owner: Desk) -> None:
    async with await join(daemon, owner) as joiner:
        owner.client.type("seq 200000; echo end-$((1+1))\n")
        await owner.see("\nend-2\n", timeout=20)
        await same_picture(owner.client, joiner)
        assert joiner.state.syncs < 2000
