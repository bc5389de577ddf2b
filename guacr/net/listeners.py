"""Listening sockets: every address of every host that the settings name, and a Unix socket."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from guacr.addresses import place
from guacr.errors import SettingsError, shorten
from guacr.settings.models import ServerSettings
from guacr.systemd import activated_sockets

log = logging.getLogger("guacr.listeners")

ANY_IPV6 = "::"
GUACD = 4822
"""The port on which guacd may be listening."""
ZONE = 3
"""The element of an IPv6 address with the number of its interface."""
_NO_SUCH_ADDRESS = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


async def tcp_sockets(hosts: Iterable[str], port: int, backlog: int) -> list[socket.socket]:
    """Open sockets that listen on every address of every host.

    As in guacd, `::` includes IPv4, unless an IPv4 address is listed, too. With port 0, all of them
    share the port that the first one was assigned. An address that this machine does not have (IPv6
    disabled) is skipped as long as another one is left.

    Raises:
        SettingsError: a name is unknown, the port is in use, or no address is left.
    """
    sockets: list[socket.socket] = []
    missing: list[str] = []
    addresses = await _addresses(hosts, port)
    with_ipv4 = all(family == socket.AF_INET6 for family, _ in addresses)
    for family, address in addresses:
        if port == 0 and sockets:
            address = (address[0], sockets[0].getsockname()[1], *address[2:])
        try:
            both = with_ipv4 and address[0] == ANY_IPV6
            sockets.append(_listen(family, address, backlog, with_ipv4=both))
        except OSError as error:
            if error.errno not in _NO_SUCH_ADDRESS:
                close_all(sockets)
                raise SettingsError(_cannot_listen(str(address[0]), port, error)) from error
            missing.append(str(address[0]))
    if not sockets:
        raise SettingsError(f"this machine has no address {' or '.join(missing)} to listen on")
    for host in missing:
        log.info("not listening on %s: this machine has no such address", host)
    return sockets


def unix_socket(path: Path, mode: int, backlog: int) -> socket.socket:
    """Open a Unix socket that listens at `path`; one left behind by a dead process is replaced.

    Raises:
        SettingsError: there is a different file, or the directory is not writable.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        sock.bind(str(path))
        path.chmod(mode)
        sock.listen(backlog)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise SettingsError(f"cannot listen on {path}: {error.strerror or error}") from error
    return sock


class ListeningSockets:
    """TCP and Unix sockets that listen."""

    def __init__(self) -> None:
        self.all: list[socket.socket] = []
        self._unix_path: Path | None = None
        self._unix_file: os.stat_result | None = None

    @property
    def port(self) -> int:
        """The first TCP port; 0 if there is none."""
        return port_of(self.all)

    async def open_server(self, settings: ServerSettings) -> None:
        """Open those of the Guacamole protocol: those passed by systemd, or those of the `server`
        settings.

        Raises:
            SettingsError: an address, a port or a path of the settings cannot be used.
        """
        self.all = activated_sockets()
        if not self.all and settings.hosts:
            await self.open_tcp(settings.hosts, settings.port, settings.backlog)
        if settings.unix_socket is not None:
            self.open_unix(settings.unix_socket, settings.unix_socket_mode, settings.backlog)

    async def open_tcp(self, hosts: Iterable[str], port: int, backlog: int) -> None:
        """Open sockets as `tcp_sockets` does.

        Raises:
            SettingsError: an address or the port cannot be used.
        """
        self.all += await tcp_sockets(hosts, port, backlog)

    def open_unix(self, path: Path, mode: int, backlog: int) -> None:
        """Open a Unix socket as `unix_socket` does; there is at most one.

        Raises:
            SettingsError: the path cannot be used.
        """
        self.all.append(unix_socket(path, mode, backlog))
        self._unix_path, self._unix_file = path, path.stat()

    def close(self) -> None:
        """Close them, and remove the Unix socket, unless another daemon has replaced it; repeated
        calls do nothing."""
        close_all(self.all)
        if self._unix_path is not None and self._unix_file is not None:
            path, self._unix_path = self._unix_path, None
            _remove_unix_socket(path, self._unix_file)


def place_of(sock: socket.socket) -> str:
    """Return the address of a listening socket, for the log."""
    name = sock.getsockname()
    return place(name[0], name[1]) if isinstance(name, tuple) else str(name)


def close_all(sockets: Iterable[socket.socket]) -> None:
    """Close sockets."""
    for sock in sockets:
        sock.close()


async def _addresses(
    hosts: Iterable[str], port: int
) -> list[tuple[socket.AddressFamily, tuple[Any, ...]]]:
    loop = asyncio.get_running_loop()
    found: dict[tuple[Any, ...], socket.AddressFamily] = {}
    for host in hosts:
        try:
            infos = await loop.getaddrinfo(
                host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            for _, _, _, _, address in infos:
                _check_zone(address)
        except OSError as error:
            raise SettingsError(f"cannot listen on {host}: {error.strerror or error}") from error
        except ValueError as error:  # an empty or overlong label
            raise SettingsError(
                f"cannot listen on {shorten(host)}: this is not a host name"
            ) from error
        for family, _, _, _, address in infos:
            found.setdefault(address, family)
    return [(family, address) for address, family in found.items()]


def _check_zone(address: tuple[Any, ...]) -> None:
    """Check that the zone of an IPv6 address is an interface.

    Raises:
        OSError: it is not.
    """
    if len(address) > ZONE and address[ZONE]:
        socket.if_indextoname(address[ZONE])


def _listen(
    family: socket.AddressFamily, address: tuple[Any, ...], backlog: int, *, with_ipv4: bool
) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not with_ipv4))
        sock.bind(address)
        sock.listen(backlog)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        program = "another program (guacd?)" if port == GUACD else "another program"
        return f"cannot listen on {host} port {port}: {program} listens there"
    return f"cannot listen on {host} port {port}: {error.strerror or error}"


def _remove_stale(path: Path) -> None:
    try:
        is_socket = stat.S_ISSOCK(path.stat().st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        raise FileExistsError(errno.EEXIST, "there is a file that is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:  # it accepts nothing, and as many connections as it allows wait
            pass
    raise OSError(errno.EADDRINUSE, "another program listens there")


def port_of(sockets: Iterable[socket.socket]) -> int:
    """Return the port of the first TCP socket; 0 if there is none."""
    for sock in sockets:
        if sock.family != socket.AF_UNIX:
            return int(sock.getsockname()[1])
    return 0


def _remove_unix_socket(path: Path, own: os.stat_result) -> None:
    try:
        if os.path.samestat(path.stat(), own):
            path.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning("%s was not removed: %s", path, error.strerror)
