"""The servers of a soak, and what sessions with them do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.certificates import Authority
from tests.support.freerdp_shadow import freerdp_shadow
from tests.support.kube_api import KubeApi, kube_api
from tests.support.network_namespace import inside, ip
from tests.support.openssh import OpenSsh, openssh_server
from tests.support.redis_server import redis_process
from tests.support.server_process import ServerProcess
from tests.support.sql_servers import mariadb_process, postgresql_process
from tests.support.telnetd import busybox, telnetd
from tests.support.xvnc import Desktop, xvnc

FAR = "guacr-soak"
"""The network namespace with a server that can become a black hole."""
NEAR_ADDRESS, FAR_ADDRESS = "10.99.0.1", "10.99.0.2"
MANY = ("MaxStartups 1000:30:2000",)
"""Settings of sshd."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Sessions of one kind.

    Attributes:
        name: for the report.
        protocol: what the client selects.
        parameters: of the connection.
        text: what is typed now and then.
        weight: how many there are, compared with others.
        most: the number at a time, at most.
    """

    name: str
    protocol: str
    parameters: Mapping[str, str]
    text: str = "echo soak\n"
    weight: int = 10
    most: int = 1000


@dataclass(slots=True)
class Servers:
    """What runs; a server that is not installed is missing, and named."""

    kinds: list[Kind] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    ssh: list[OpenSsh] = field(default_factory=list)
    processes: dict[str, ServerProcess] = field(default_factory=dict)
    """By the kind."""
    desktop: Desktop | None = None
    recordings: Path = Path()
    """Where the sessions `recorded` are recorded."""
    is_far: bool = False
    """True if there is a server in the namespace `FAR`."""

    async def start(self, stack: AsyncExitStack, place: Path, recordings: Path) -> None:
        """Start all of them; `stack` ends them."""
        self.recordings = recordings
        self.kinds.append(Kind("testcard", "testcard", {}, weight=8))
        for start in (
            self._ssh, self._far, self._telnet, self._databases, self._kubernetes, self._desktops
        ):  # fmt: skip
            try:
                await start(stack, place)
            except (pytest.skip.Exception, AssertionError) as error:
                self.missing.append(f"{start.__name__[1:]}: {error}")

    async def _ssh(self, stack: AsyncExitStack, place: Path) -> None:
        server = stack.enter_context(openssh_server())
        address = stack.enter_context(server.variant(*MANY))
        self.ssh.append(server)
        login = {"username": server.user, "private-key": server.make_key("-t", "ed25519")}
        self.kinds.append(Kind("ssh", "ssh", {**address, **login}, weight=30))

    async def _far(self, stack: AsyncExitStack, place: Path) -> None:
        near = self.ssh[0]
        ip("netns", "add", FAR)
        stack.callback(ip, "netns", "delete", FAR)
        ip("link", "add", "soak0", "type", "veth", "peer", "name", "soak1", "netns", FAR)
        ip("address", "add", f"{NEAR_ADDRESS}/30", "dev", "soak0")
        ip("link", "set", "soak0", "up")
        ip("-n", FAR, "address", "add", f"{FAR_ADDRESS}/30", "dev", "soak1")
        for device in ("soak1", "lo"):
            ip("-n", FAR, "link", "set", device, "up")
        near.host = FAR_ADDRESS
        try:
            with inside(FAR):
                address = stack.enter_context(near.variant(*MANY))
        finally:
            near.host = "127.0.0.1"
        self.is_far = True
        login = {"username": near.user, "private-key": near.make_key("-t", "ed25519")}
        self.kinds.append(Kind("far ssh", "ssh", {**address, **login}, weight=5))

    async def _telnet(self, stack: AsyncExitStack, place: Path) -> None:
        address = await stack.enter_async_context(telnetd(busybox()))
        recorded = {"recording-path": str(self.recordings), "recording-name": "soak"}
        self.kinds.append(Kind("telnet", "telnet", address, weight=10))
        self.kinds.append(Kind("recorded", "telnet", {**address, **recorded}, weight=5))

    async def _databases(self, stack: AsyncExitStack, place: Path) -> None:
        for name, process, text in (
            ("postgresql", postgresql_process(), "select 1;\n"),
            ("mysql", mariadb_process(), "select 1;\n"),
            ("redis", redis_process(), "ping\n"),
        ):
            try:
                server, self.processes[name] = await asyncio.to_thread(process.__enter__)
            except (pytest.skip.Exception, AssertionError) as error:
                self.missing.append(f"{name}: {error}")
                continue
            stack.push(process)
            parameters = {key: value for key, value in server.items() if key != "socket"}
            self.kinds.append(Kind(name, name, parameters, text, weight=6, most=40))

    async def _kubernetes(self, stack: AsyncExitStack, place: Path) -> None:
        address = await stack.enter_async_context(kube_api(KubeApi()))
        parameters = {**address, "exec-command": "/bin/sh"}
        self.kinds.append(Kind("kubernetes", "kubernetes", parameters, weight=6))

    async def _desktops(self, stack: AsyncExitStack, place: Path) -> None:
        self.desktop = desktop = await stack.enter_async_context(
            xvnc("-AlwaysShared", "-BlacklistThreshold", "1000000")
        )
        self.kinds.append(Kind("vnc", "vnc", desktop.parameters, "x", weight=8, most=60))
        pair = Authority().issue("server", rsa_key=True)
        files = place / "shadow"
        files.mkdir()
        shadow = freerdp_shadow(desktop, "tls", pair, files)
        address = await stack.enter_async_context(shadow)
        parameters = {**address, "ignore-cert": "true", "security": "tls"}
        self.kinds.append(Kind("rdp", "rdp", parameters, "x", weight=3, most=4))
