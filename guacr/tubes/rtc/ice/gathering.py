"""Gathering local candidates: those of the interfaces at once, those of servers as they answer.

Each server has a time limit of its own. Its failure is logged, and costs its candidates alone.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address

from aioice import stun
from aioice.candidate import Candidate

from guacr.addresses import place
from guacr.errors import clause, shorten
from guacr.tubes.rtc.ice.agent import Agent
from guacr.tubes.rtc.ice.candidates import (
    host_candidate,
    reflexive_candidate,
    relayed_candidate,
    text_of,
)
from guacr.tubes.rtc.ice.datagrams import PortsInUseError, UdpSocket
from guacr.tubes.rtc.ice.interfaces import local_addresses
from guacr.tubes.rtc.ice.names import resolved
from guacr.tubes.rtc.ice.relays import allocate
from guacr.tubes.rtc.ice.settings import IceServer, IceSettings
from guacr.tubes.rtc.ice.stun_endpoint import Endpoint

log = logging.getLogger(__name__)

UNAUTHORIZED = 401
STREAM_FACTOR = 1.5
"""Of `description_wait`, for servers that are asked by TCP or TLS."""


class Gathering:
    """Gathers the candidates of one agent; `tell` gets each as text, and an empty one at the end.

    `warn_once` logs a failure unless the same was logged before.
    """

    def __init__(
        self,
        agent: Agent,
        settings: IceSettings,
        tell: Callable[[str], None],
        warn_once: Callable[[str], None],
    ) -> None:
        self._agent = agent
        self._settings = settings
        self._tell = tell
        self._warn_once = warn_once
        self._hosts: list[Endpoint] = []
        self._told = set[tuple[str, int]]()
        self._answered = set[IceServer]()
        self._asking: list[asyncio.Task[None]] = []
        """A task for each server, in their order; complete when the hosts are told."""

    async def run(self) -> None:
        """Gather all; cancelling it leaves the sockets to the agent."""
        if not self._settings.relay_only:
            for index, address in enumerate(self._addresses()):
                self._add_host(address, index)
        async with asyncio.TaskGroup() as group:
            for index, server in enumerate(self._settings.servers):
                name = f"candidates of {server.url}"
                self._asking.append(group.create_task(self._ask(server, index), name=name))
            self._agent.hosts_told.set()
        self._agent.end_local()
        self._tell("")

    async def wait_for_description(self) -> None:
        """Wait for the hosts, and for each server until it has answered or failed, or
        `description_wait` is over."""
        await self._agent.hosts_told.wait()
        waits = [
            asyncio.wait((task,), timeout=self._wait(server))
            for task, server in zip(self._asking, self._settings.servers, strict=False)
        ]
        await asyncio.gather(*waits)

    def _wait(self, server: IceServer) -> float:
        factor = 1.0 if server.transport == "udp" else STREAM_FACTOR
        return self._settings.description_wait * factor

    # ---- hosts

    def _addresses(self) -> list[str]:
        found, names = local_addresses(self._settings.interfaces, loopback=self._settings.loopback)
        for name in set(self._settings.interfaces) - names:
            self._warn_once(f"ICE: there is no interface {shorten(name)}, which a setting names")
        return found[: self._settings.addresses_max]

    def _add_host(self, address: str, index: int) -> None:
        endpoint = Endpoint(self._agent)
        try:
            opened = UdpSocket(endpoint, address, self._settings.ports)
        except PortsInUseError as error:
            self._warn_once(f"ICE: {error}")
            return
        except OSError as error:  # an address that is not ready yet, or no more
            log.debug("ICE: no socket at %s: %s", address, error)
            return
        endpoint.connection_made(opened)
        self._hosts.append(endpoint)
        candidate = host_candidate(opened.get_extra_info("sockname"), index)
        self._agent.add_endpoint(endpoint, candidate)
        self._add(candidate)

    def _add(self, candidate: Candidate) -> None:
        if (candidate.host, candidate.port) not in self._told:  # redundant ones: RFC 8445, 5.1.3
            self._told.add((candidate.host, candidate.port))
            self._tell(text_of(candidate))

    # ---- servers

    async def _ask(self, server: IceServer, index: int) -> None:
        limit = self._settings.gather_timeout
        try:
            async with asyncio.timeout(limit):
                if server.scheme != "stun":
                    await self._ask_turn(server, index)
                elif not self._settings.relay_only:
                    await self._ask_stun(server)
        except TimeoutError:
            self._failed(server, f"no answer within {limit:g} s")
        except (OSError, UnicodeError, stun.TransactionError) as error:
            self._failed(server, _reason(error))

    def _failed(self, server: IceServer, reason: str) -> None:
        if server not in self._answered:
            self._warn_once(f"ICE: no candidates of {server.url}: {reason}")

    async def _ask_stun(self, server: IceServer) -> None:
        address = await resolved(server.host, server.port)
        version = ip_address(address[0]).version
        hosts = [
            one for one in self._hosts if ip_address(one.local_candidate.host).version == version
        ]
        if not hosts:
            raise ConnectionError(f"there is no local address of IPv{version}")
        async with asyncio.TaskGroup() as group:
            for one in hosts:
                group.create_task(self._ask_from(one, server, address))
        if server not in self._answered:
            raise TimeoutError

    async def _ask_from(
        self, endpoint: Endpoint, server: IceServer, address: tuple[str, int]
    ) -> None:
        """Learn which address a server sees."""
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        with suppress(stun.TransactionError):
            response, _ = await endpoint.request(request, address)
            if (mapped := response.attributes.get("XOR-MAPPED-ADDRESS")) is not None:
                self._answered.add(server)
                base = endpoint.local_candidate
                self._add(reflexive_candidate(base, mapped, place(*address)))

    async def _ask_turn(self, server: IceServer, index: int) -> None:
        endpoint = Endpoint(self._agent)
        relay = await allocate(server, endpoint)
        candidate = relayed_candidate(
            relay.get_extra_info("sockname"),
            relay.mapped,
            server.url,
            index,
            hidden=self._settings.relay_only,
        )
        self._agent.add_endpoint(endpoint, candidate)
        self._add(candidate)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is invalid: {clause(error.verify_message)}"
    if isinstance(error, (ConnectionError, TimeoutError)) and error.errno:
        return clause(os.strerror(error.errno))  # without the address, which has been told
    if not isinstance(error, stun.TransactionFailed):
        return clause(getattr(error, "strerror", None) or str(error) or type(error).__name__)
    code, text = error.response.attributes.get("ERROR-CODE", (0, "no reason given"))
    refused = f"{code} {clause(text)[:100]}"
    if code == UNAUTHORIZED:
        return f"it refuses the username or the credential ({refused})"
    return f"it refuses ({refused})"
