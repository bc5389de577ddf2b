"""Names of multicast DNS, behind which browsers hide their addresses (RFC 6762, and
draft-ietf-mmusic-mdns-ice-candidates).

aioice has a resolver, too, but with it the answers of Chromium are lost: dnspython refuses their
NSEC records, which are of no use here.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address

from guacr.tubes.forks import keep_from_children
from guacr.tubes.rtc.ice.interfaces import local_addresses

GROUP, PORT = "224.0.0.251", 5353
HOPS = 255
ASKED_AFTER = (0.0, 0.25, 0.5)
"""Seconds before each question."""
ANSWER_WITHIN = 1.0
"""Seconds for an answer to the last one."""
DATAGRAM_MAX = 9000
BATCH = 32
"""Datagrams that are read in one turn of the event loop."""
RECORDS_MAX, LABELS_MAX = 64, 128
"""In a message, and in a name with what its pointers lead to."""
INTERFACES_MAX = 16
A, AAAA, INTERNET = 1, 28, 1
_HEADER, _QUESTION, _RECORD = (struct.Struct(form) for form in ("!6H", "!HH", "!HHIH"))
_ANSWER_BIT, _POINTER, _CLASS_BITS = 0x8000, 0xC0, 0x7FFF


def question(name: str, kind: int) -> bytes:
    """Write a question for the addresses of a name, IPv4 (A) or IPv6 (AAAA)."""
    labels = b"".join(bytes([len(label)]) + label.encode("ascii") for label in name.split("."))
    return _HEADER.pack(0, 0, 1, 0, 0, 0) + labels + b"\0" + _QUESTION.pack(kind, INTERNET)


def addresses(message: bytes) -> Iterator[tuple[str, str]]:
    """Read the names, in small letters, and addresses in the answers of a message.

    Raises:
        ValueError: it is cut, or its names have no end.
    """
    try:
        _, flags, questions, answers, _, _ = _HEADER.unpack_from(message)
        place = _HEADER.size
        if not flags & _ANSWER_BIT:
            return
        for _ in range(min(questions, RECORDS_MAX)):
            _, place = _name(message, place)
            place += _QUESTION.size
        for _ in range(min(answers, RECORDS_MAX)):
            name, place = _name(message, place)
            kind, group, _, length = _RECORD.unpack_from(message, place)
            place += _RECORD.size
            data = message[place : place + length]
            place += length
            if place > len(message):
                raise ValueError("a message of multicast DNS is cut")
            if (kind, len(data)) in ((A, 4), (AAAA, 16)) and group & _CLASS_BITS == INTERNET:
                yield name, str(IPv4Address(data) if kind == A else IPv6Address(data))
    except (struct.error, IndexError) as error:
        raise ValueError("a message of multicast DNS is cut") from error


def _name(message: bytes, place: int) -> tuple[str, int]:
    """Read a name; return the place behind it."""
    labels, behind = list[str](), 0
    for _ in range(LABELS_MAX):
        length = message[place]
        if length & _POINTER == _POINTER:
            behind = behind or place + 2
            place = (length & ~_POINTER) << 8 | message[place + 1]
            continue
        place += 1 + length
        if length == 0:
            return ".".join(labels), behind or place
        labels.append(message[place - length : place].decode("latin-1").lower())
    raise ValueError("a name of multicast DNS has no end")


class Resolver:
    """Asks on all interfaces; it has a socket only while somebody waits for an answer."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str, set[asyncio.Future[str]]] = {}
        self._socket: socket.socket | None = None
        self._interfaces: list[str] = []

    @property
    def is_idle(self) -> bool:
        """Return whether nobody waits for an answer."""
        return not self._waiting

    async def resolve(self, name: str) -> str | None:
        """Return the address of a name in the local network, None without an answer within some
        2 s, and at once if there is no multicast here."""
        answer: asyncio.Future[str] = self._loop.create_future()
        self._waiting.setdefault(name.lower(), set()).add(answer)
        try:
            self._open()
            for seconds in ASKED_AFTER:
                await asyncio.wait((answer,), timeout=seconds)
                if answer.done():
                    break
                self._ask(name)
            await asyncio.wait((answer,), timeout=ANSWER_WITHIN)
            return answer.result() if answer.done() else None
        except OSError:
            return None
        finally:
            self._forget(name.lower(), answer)

    def _forget(self, name: str, answer: asyncio.Future[str]) -> None:
        answer.cancel()
        self._waiting[name].discard(answer)
        if not self._waiting[name]:
            del self._waiting[name]
        if not self._waiting and self._socket is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _open(self) -> None:
        if self._socket is not None:
            return
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        keep_from_children(opened)
        try:
            opened.setblocking(False)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if hasattr(socket, "SO_REUSEPORT"):
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, HOPS)
            opened.bind(("", PORT))
            self._interfaces = [one for one in _ipv4_addresses() if _joined(opened, one)]
        except BaseException:
            opened.close()
            raise
        self._socket = opened
        self._loop.add_reader(opened.fileno(), self._read, opened)

    def _ask(self, name: str) -> None:
        """Ask on each interface.

        Raises:
            OSError: that is possible on none.
        """
        sent = False
        for address in self._interfaces:
            with suppress(OSError):
                self._ask_on(address, name)
                sent = True
        if not sent:
            raise OSError("no interface has multicast")

    def _ask_on(self, address: str, name: str) -> None:
        assert self._socket is not None  # noqa: S101 - it is there as long as somebody waits
        interface = socket.inet_aton(address)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
        for kind in (A, AAAA):  # in one message, Chromium answers neither
            self._socket.sendto(question(name, kind), (GROUP, PORT))

    def _read(self, opened: socket.socket) -> None:
        for _ in range(BATCH):
            try:
                message = opened.recv(DATAGRAM_MAX)
            except OSError:
                return
            with suppress(ValueError):
                for name, address in addresses(message):
                    self._answered(name, address)

    def _answered(self, name: str, address: str) -> None:
        for answer in self._waiting.get(name, ()):
            if not answer.done():
                answer.set_result(address)


def _ipv4_addresses() -> list[str]:
    found, _ = local_addresses((), loopback=False)
    return [one for one in found if ip_address(one).version == 4][:INTERFACES_MAX]


def _joined(opened: socket.socket, address: str) -> bool:
    try:
        membership = socket.inet_aton(GROUP) + socket.inet_aton(address)
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    except OSError:
        return False
    return True


_resolvers: dict[asyncio.AbstractEventLoop, Resolver] = {}
"""Those for which somebody waits."""


async def resolve(name: str) -> str | None:
    """Return the address of a name, by the resolver of the running event loop."""
    loop = asyncio.get_running_loop()
    resolver = _resolvers.get(loop)
    if resolver is None:
        resolver = _resolvers[loop] = Resolver()
    try:
        return await resolver.resolve(name)
    finally:
        if resolver.is_idle:
            _resolvers.pop(loop, None)
