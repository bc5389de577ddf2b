"""Access rules hold for everything that connects: each parameter that names a host is listed."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest

import handlers
from guacr.api import BadRequestError, Connects, ForbiddenError, Network
from guacr.policy.client import NOBODY
from guacr.policy.policy import Policy
from guacr.policy.rule import Request
from guacr.protocol.client import ClientInfo
from guacr.protocol.status import Status
from guacr.session.events import AccessRefused
from guacr.session.protocols import Protocols
from guacr.session.registry import SessionRegistry
from guacr.settings.access import AccessSettings
from guacr.settings.models import Settings
from handlers.rdp.launcher import launcher
from handlers.rdp.params import RdpParams
from handlers.ssh.client import log_in
from handlers.ssh.library import Connection
from handlers.ssh.login import Login
from handlers.ssh.params import SshParams
from handlers.ssh.route import route
from handlers.vnc import options, reverse
from handlers.vnc.params import VncParams
from handlers.vnc.pulse_sound import play_pulse
from handlers.vnc.sound import Sound
from handlers.wake import send, wake_of
from tests.support.loopback import MemoryTransport, until

KUBECONFIG = """
current-context: c
contexts: [{name: c, context: {cluster: k}}]
clusters: [{name: k, cluster: {server: "http://HOST:PORT"}}]
"""
HOST, WAKE = {"hostname"}, {"wol-broadcast-addr"}
SFTP = {"sftp-hostname"}
NETWORK_PARAMETERS = {
    "kubernetes": HOST | {"kubeconfig"},
    "mongodb": HOST,
    "mysql": HOST,
    "oracle": HOST,
    "postgres": HOST,
    "postgresql": HOST,
    "rdp": HOST | SFTP | WAKE | {"gateway-hostname"},
    "redis": HOST,
    "sql-server": HOST,
    "sqlite": HOST,  # it is ignored
    "sqlserver": HOST,
    "ssh": HOST | WAKE | {"ssh-jump-hostname", "ssh-jump-2-hostname", "ssh-jump-3-hostname"},
    "telnet": HOST | WAKE,
    "testcard": set[str](),
    "vnc": HOST | SFTP | WAKE | {"dest-host", "audio-servername"},
}
"""The parameters that name hosts, by protocol. Whoever adds one adds a test that it is refused."""
MEANS_HOST = re.compile(
    r"host(name)?$|addr$|servername$|server$|config$|url$|uri$|proxy|endpoint|gateway$|broker$"
)
HANDLERS = Path(handlers.__file__).parent
CONNECTING = re.compile(
    r"getaddrinfo\(|sock_connect\(|\.connect_ex\(|create_datagram_endpoint\("
    r"|open_connection\((?!\s*(?:sock=|self|network))|socket\.create_connection\("
)
"""Calls that resolve a name or connect to an address."""
NO_ADDRESS = {"wol-mac-addr"}
REFUSED_HOSTS = [
    ("ssh", {"hostname": "HOST", "port": "PORT", "username": "u"}),
    ("ssh", {"hostname": "192.0.2.1", "ssh-jump-hostname": "HOST", "ssh-jump-port": "PORT",
             "username": "u"}),
    ("telnet", {"hostname": "HOST", "port": "PORT"}),
    ("telnet", {"hostname": "192.0.2.1", "wol-send-packet": "true",
                "wol-mac-addr": "00:11:22:33:44:55", "wol-broadcast-addr": "HOST"}),
    ("vnc", {"hostname": "HOST", "port": "PORT"}),
    ("rdp", {"hostname": "HOST", "port": "PORT", "username": "u", "password": "p"}),
    ("rdp", {"hostname": "192.0.2.1", "gateway-hostname": "HOST", "gateway-port": "PORT",
             "username": "u", "password": "p", "gateway-username": "u", "gateway-password": "p"}),
    ("kubernetes", {"hostname": "HOST", "port": "PORT", "pod": "p"}),
    ("kubernetes", {"kubeconfig": KUBECONFIG, "pod": "p"}),
    ("mongodb", {"hostname": "HOST", "port": "PORT", "timeout": "1"}),
    ("mysql", {"hostname": "HOST", "port": "PORT", "username": "u"}),
    ("oracle", {"hostname": "HOST", "port": "PORT", "username": "u", "password": "p"}),
    ("postgresql", {"hostname": "HOST", "port": "PORT", "username": "u"}),
    ("redis", {"hostname": "HOST", "port": "PORT"}),
    ("sqlserver", {"hostname": "HOST", "port": "PORT", "username": "u", "password": "p"}),
]  # fmt: skip


def network(*rules: Mapping[str, Any]) -> Network:
    policy = Policy(AccessSettings.model_validate({"rules": list(rules)}))
    return Network(lambda: policy, Request(NOBODY, "ssh"), lambda *_: None)


NOWHERE = network({"targets": ["192.0.2.1"]})


class Site:
    """A registry with rules, and a port that counts who connects."""

    def __init__(self, registry: SessionRegistry, port: int) -> None:
        self.registry = registry
        self.port = port
        self.connections = 0

    async def refusal(self, protocol: str, values: Mapping[str, str], host: str) -> AccessRefused:
        """Open a session, and return for what it is refused."""
        filled = {
            name: text.replace("HOST", host).replace("PORT", str(self.port))
            for name, text in values.items()
        }
        transport = MemoryTransport()
        with self.registry.events.subscribe() as events:
            self.registry.open(protocol, filled, ClientInfo(timezone="UTC"), transport)
            await until(lambda: transport.closed_with is not None)
            assert transport.closed_with == Status.CLIENT_FORBIDDEN, transport.all("error")
            async for event in events:
                if isinstance(event, AccessRefused):
                    return event
        raise AssertionError


@pytest.fixture(scope="module")
def zygote() -> Iterator[None]:
    """Owns what the first RDP session starts for all others."""
    launcher.start()
    yield
    launcher.close()


@pytest.fixture
async def site(zygote: None) -> AsyncIterator[Site]:
    rules = [
        {"targets": ["192.0.2.1"]},
        {"effect": "deny", "name": "no loopback", "targets": ["127.0.0.0/8", "::1"]},
    ]
    settings = Settings.model_validate({"access": {"rules": rules}})
    with ThreadPoolExecutor(1) as executor:
        registry = SessionRegistry(Protocols(), settings, executor)

        def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            made.connections += 1
            writer.close()

        async with await asyncio.start_server(count, "127.0.0.1") as server:
            made = Site(registry, server.sockets[0].getsockname()[1])
            yield made
            assert not made.connections
        await registry.close()


def test_no_parameter_that_names_a_host_is_forgotten() -> None:
    protocols, found = Protocols(), dict[str, set[str]]()
    for name in protocols.names:
        declared = protocols.find(name).params_type.declared()
        hosts = {one.name for one in declared if one.spec.host or MEANS_HOST.search(one.name)}
        found[name] = hosts - NO_ADDRESS
    assert found == NETWORK_PARAMETERS


def test_nothing_else_connects() -> None:
    """Whatever connects has `handlers.dial` do it, or asks the network of its session itself."""
    found = {
        str(path.relative_to(HANDLERS))
        for path in HANDLERS.rglob("*.py")
        if CONNECTING.search(path.read_text())
    }
    assert found == {
        "dial.py",
        "wake.py",  # sends to an address that it has asked for
        "vnc/reverse.py",  # resolves the addresses that it listens on
        "database/oracle/sockets.py",  # what the library calls
        "database/sqlserver/routes.py",
    }


def test_every_protocol_says_whether_rules_apply_to_its_hosts() -> None:
    protocols = Protocols()
    found = {name: protocols.find(name).connects for name in protocols.names}
    nowhere = {"sqlite", "testcard"}
    assert {name for name, connects in found.items() if connects is Connects.NOWHERE} == nowhere
    assert Connects.UNCHECKED not in found.values()


@pytest.mark.parametrize(("protocol", "values"), REFUSED_HOSTS)
async def test_a_refused_host_is_not_connected_to(
    site: Site, protocol: str, values: Mapping[str, str]
) -> None:
    event = await site.refusal(protocol, values, "127.0.0.1")
    assert event.target.startswith("127.0.0.1:")
    assert event.rule == "no loopback"
    assert event.protocol == protocol


@pytest.mark.parametrize("host", ["localhost", "0x7f.1", "2130706433", "0.0.0.0", "::1%1"])
@pytest.mark.parametrize("protocol", ["ssh", "kubernetes", "postgresql", "mysql"])
async def test_no_spelling_of_a_host_gets_around_the_rules(
    site: Site, protocol: str, host: str
) -> None:
    values = {"hostname": "HOST", "port": "PORT"}
    values |= {"pod": "p"} if protocol == "kubernetes" else {"username": "u"}
    event = await site.refusal(protocol, values, host)
    assert event.target == f"{host}:{site.port}"


async def test_libpq_gets_no_other_host_of_a_list(site: Site) -> None:
    values = {"hostname": "192.0.2.1,HOST", "port": "PORT", "username": "u"}
    assert (await site.refusal("postgresql", values, "127.0.0.1")).rule == "no loopback"


@pytest.mark.parametrize("protocol", ["postgresql", "mysql", "redis"])
async def test_unix_sockets_need_a_rule_without_targets(site: Site, protocol: str) -> None:
    site.registry.settings = Settings.model_validate(
        {
            "access": {"rules": [{"targets": ["192.0.2.1"]}]},
            "databases": {"unix_sockets": ["/nowhere"]},
        }
    )
    values = {"hostname": "/nowhere/socket", "username": "u", "password": "p"}
    assert (await site.refusal(protocol, values, "")).target == ""


@pytest.mark.parametrize(
    ("protocol", "values"), [one for one in REFUSED_HOSTS if one[1].get("hostname") == "HOST"]
)
async def test_a_name_with_another_address_a_moment_later_leads_nowhere_else(
    protocol: str, values: Mapping[str, str], zygote: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the first answer is an allowed address, and all later ones are another."""
    reached, resolve, asked = list[str](), socket.getaddrinfo, 0

    def rebind(host: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal asked
        if host not in ("rebinding.example", b"rebinding.example"):
            return resolve(host, *arguments, **options)
        asked += 1
        return resolve("127.0.0.1" if asked == 1 else "127.0.0.2", *arguments, **options)

    def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(writer.get_extra_info("sockname")[0])
        writer.close()

    monkeypatch.setattr(socket, "getaddrinfo", rebind)
    settings = Settings.model_validate({"access": {"rules": [{"targets": ["127.0.0.1"]}]}})
    transport = MemoryTransport()
    with ThreadPoolExecutor(1) as executor:
        registry = SessionRegistry(Protocols(), settings, executor)
        async with await asyncio.start_server(note, "127.0.0.1") as server:
            port = server.sockets[0].getsockname()[1]
            async with await asyncio.start_server(note, "127.0.0.2", port):
                texts = {"HOST": "rebinding.example", "PORT": str(port)}
                filled = {name: texts.get(text, text) for name, text in values.items()}
                registry.open(protocol, filled, ClientInfo(timezone="UTC"), transport)
                await until(lambda: transport.closed_with is not None)
                await registry.close()
    assert asked
    assert {*reached} == {"127.0.0.1"}


@pytest.mark.parametrize("protocol", ["sqlite", "testcard"])
async def test_protocols_without_hosts_need_a_rule_without_targets(
    site: Site, protocol: str
) -> None:
    with pytest.raises(ForbiddenError, match="is not allowed"):
        site.registry.open(protocol, {}, ClientInfo(), MemoryTransport())


async def test_the_host_beyond_a_jump_host() -> None:
    params = SshParams(hostname="127.0.0.1", username="u")
    with pytest.raises(ForbiddenError, match=r"host '127.0.0.1', port 22, is not allowed"):
        await log_in(
            params,
            Settings().ssh,
            cast(Login, None),
            route(params)[-1],
            network=NOWHERE,
            via=cast(Connection, object()),
            host_keys=None,
            started=0,
            announce=lambda text: None,
            decode=bytes.decode,
        )


async def test_the_host_beyond_a_gateway(site: Site) -> None:
    values = {
        "hostname": "127.0.0.1", "gateway-hostname": "192.0.2.1", "username": "u",
        "password": "p", "gateway-username": "u", "gateway-password": "p",
    }  # fmt: skip
    assert (await site.refusal("rdp", values, "")).target == f"127.0.0.1:{RdpParams().used_port}"


@pytest.mark.parametrize(
    ("host", "port", "allowed"),
    [
        ("192.0.2.1", 5900, True),
        ("192.0.2.1", 0, True),
        ("192.0.2.1", 5901, False),
        ("192.0.2.1", 22, False),
        ("192.0.2.1:22", 0, False),
        ("127.0.0.1", 5900, False),
        ("ID:1234", 0, True),
        ("ID", 1234, True),
        ("", 0, True),
    ],
)
def test_the_host_beyond_a_repeater(host: str, port: int, allowed: bool) -> None:
    params = VncParams(hostname="192.0.2.1", dest_host=host, dest_port=port)
    rules = network({"targets": ["192.0.2.1"], "ports": [5900]})
    if allowed:
        options.check_destination(rules, params)
    else:
        with pytest.raises(ForbiddenError):
            options.check_destination(rules, params)


def test_a_display_of_a_repeater_is_a_port_as_well() -> None:
    params = VncParams(dest_host="192.0.2.1", dest_port=22)
    with pytest.raises(ForbiddenError, match="5922"):
        options.check_destination(network({"ports": [22]}), params)


async def test_a_sound_server() -> None:
    with pytest.raises(ForbiddenError, match="4713"):
        await play_pulse(NOWHERE, "127.0.0.1", cast(Sound, None))


@pytest.mark.parametrize("host", ["", "127.0.0.1"])
async def test_a_server_that_connects_by_itself(host: str) -> None:
    settings = Settings.model_validate({"vnc": {"reverse_hosts": ["127.0.0.1"]}}).vnc
    params = VncParams(hostname=host, port=5599, reverse_connect=True, listen_timeout=20)
    names = network({"targets": ["*.example.com"]})
    with pytest.raises(ForbiddenError):
        await reverse.accept(names, settings, params)


async def test_a_server_that_connects_by_itself_must_have_an_allowed_address() -> None:
    settings = Settings.model_validate({"vnc": {"reverse_hosts": ["127.0.0.1"]}}).vnc
    params = VncParams(hostname="", port=5598, reverse_connect=True, listen_timeout=10_000)
    accepting = asyncio.create_task(
        reverse.accept(network({"targets": ["127.0.0.2"]}), settings, params)
    )
    refused = None
    while refused is None:
        with suppress(ConnectionRefusedError):
            refused = await asyncio.open_connection("127.0.0.1", 5598)
    assert await refused[0].read() == b""
    allowed = await asyncio.open_connection("127.0.0.1", 5598, local_addr=("127.0.0.2", 0))
    with await accepting as sock:
        assert sock.getpeername()[0] == "127.0.0.2"
    for _, writer in (refused, allowed):
        writer.close()


@pytest.mark.parametrize("address", ["255.255.255.255", "ff02::1%lo"])
async def test_a_packet_that_wakes_a_host(address: str) -> None:
    params = VncParams(
        wol_send_packet=True, wol_mac_addr="00:11:22:33:44:55", wol_broadcast_addr=address
    )
    wake = wake_of(params)
    assert wake is not None
    denied = network({}, {"effect": "deny", "targets": ["255.255.255.255", "ff00::/8"]})
    for rules in (NOWHERE, denied):
        with pytest.raises(ForbiddenError, match=f"'{address}', port 9"):
            await send(rules, wake)


def test_an_invalid_destination_of_a_repeater_is_refused_as_before() -> None:
    with pytest.raises(BadRequestError):
        options.check_destination(NOWHERE, VncParams(dest_host="a b\0"))
