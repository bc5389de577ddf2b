"""Nothing of the daemon's account reaches a host: neither its keys, its agent, nor its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from handlers.ssh.agent import open_agent
from handlers.ssh.keys import load_private_key
from tests.handlers.ssh.people import Person
from tests.support.openssh import OpenSsh
from tests.support.ssh_desk import desk


async def test_a_poisoned_home_is_not_looked_at(
    daemon: Daemon, server: OpenSsh, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that the host takes lies in the home and in an agent, and a configuration that leads
    astray; the login by neither password nor key has to fail all the same."""
    home = tmp_path / "home"
    files = home / ".ssh"
    files.mkdir(parents=True)
    for name in ("id_ed25519", "id_rsa", "id_ecdsa"):
        (files / name).touch(0o600)
        (files / name).write_text(key)
    (files / "config").write_text(
        f"Host *\n  User {server.user}\n  IdentityFile {files}/id_ed25519\n  Port 1\n"
        "  Hostname 127.0.0.2\n  ProxyCommand false\n  SendEnv *\n  Ciphers none\n"
    )
    (files / "known_hosts").write_text(f"@revoked * {server.host_key()}\n")
    agent = await open_agent(await load_private_key(key, "", "", Person()))
    try:
        for name, value in (("HOME", home), ("SSH_AUTH_SOCK", agent.path), ("LOGNAME", "mallory")):
            monkeypatch.setenv(name, str(value))
        async with desk(daemon, server.address | {"username": server.user}) as person:
            await person.see("Password:" if server.password else "is not verified")
            person.control("c")
            _, status = await person.failure()
            assert status == Status.SESSION_CLOSED
            assert "$" not in person.text
    finally:
        await agent.close()
