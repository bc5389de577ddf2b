"""What hosts send that is not quite as RFC 4253 has it: asyncssh would end the connection over it.

Old devices leave out fields that nobody reads, and write in other character sets than UTF-8. What a
packet lacks is added, its texts are decoded, and packets that say nothing are not read at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from guacr.sshlib import Boolean, SSHPacket, String, UInt32, asyncssh, auth, constants

_Handler = Callable[[Any, int, int, SSHPacket], Any]


class Observer(Protocol):
    """Who hears of what asyncssh keeps to itself."""

    def disconnect_received(self) -> None:
        """The host has ended the connection in words, and not by an error of ours."""

    def partial_success(self) -> None:
        """One of several methods to log in by has succeeded; the host wants a further one."""


def be_lenient(
    connection: asyncssh.SSHClientConnection, observer: Observer, decode: Callable[[bytes], str]
) -> None:
    """Read a connection's packets as this module says; `decode` makes text of what is not UTF-8."""
    strict: Mapping[int, _Handler] = connection._packet_handlers

    def utf_8(text: bytes) -> bytes:
        try:
            text.decode()
        except UnicodeDecodeError:
            return decode(text).encode(errors="replace")
        return text

    def disconnect(conn: Any, kind: int, number: int, packet: SSHPacket) -> Any:
        observer.disconnect_received()
        payload = packet.get_remaining_payload()
        whole = payload[:4].ljust(4, b"\0") + String(utf_8(_string(payload[4:]))) + String(b"")
        return strict[kind](conn, kind, number, SSHPacket(whole))

    def banner(conn: Any, kind: int, number: int, packet: SSHPacket) -> Any:
        text = _string(packet.get_remaining_payload())
        return strict[kind](conn, kind, number, SSHPacket(String(utf_8(text)) + String(b"")))

    def failure(conn: Any, kind: int, number: int, packet: SSHPacket) -> Any:
        payload = packet.get_remaining_payload()
        methods = _string(payload)
        partial = payload[4 + len(methods) : 5 + len(methods)] not in (b"", b"\0")
        if partial:
            observer.partial_success()
        whole = String(methods) + bytes([partial])
        return strict[kind](conn, kind, number, SSHPacket(whole))

    def response(conn: Any, kind: int, number: int, packet: SSHPacket) -> Any:
        """An answer to no question is no reason to end either."""
        return strict[kind](conn, kind, number, packet) if conn._global_request_waiters else None

    def questions(method: Any, kind: int, number: int, packet: SSHPacket) -> Any:
        name, instruction, language = (packet.get_string() for _ in range(3))
        count = packet.get_uint32()
        whole = String(utf_8(name)) + String(utf_8(instruction)) + String(language) + UInt32(count)
        for _ in range(count):
            whole += String(utf_8(packet.get_string())) + Boolean(packet.get_boolean())
        return type(method)._packet_handlers[kind](method, kind, number, SSHPacket(whole))

    def change(method: Any, kind: int, number: int, packet: SSHPacket) -> Any:
        whole = String(utf_8(packet.get_string())) + String(packet.get_string())
        return type(method)._packet_handlers[kind](method, kind, number, SSHPacket(whole))

    next_auth = connection.try_next_auth
    readers = {auth._ClientKbdIntAuth: questions, auth._ClientPasswordAuth: change}

    def try_next_auth(*, next_method: bool = False) -> None:
        next_auth(next_method=next_method)
        method: Any = connection._auth
        if reader := readers.get(type(method)):
            method._packet_handlers = dict.fromkeys(method._packet_handlers, reader)

    connection.try_next_auth = try_next_auth  # type: ignore[method-assign]
    connection._packet_handlers = {
        **strict,
        constants.MSG_IGNORE: _pass,
        constants.MSG_DEBUG: _pass,
        constants.MSG_UNIMPLEMENTED: _pass,
        constants.MSG_DISCONNECT: disconnect,
        constants.MSG_USERAUTH_BANNER: banner,
        constants.MSG_USERAUTH_FAILURE: failure,
        constants.MSG_REQUEST_SUCCESS: response,
        constants.MSG_REQUEST_FAILURE: response,
    }


def _pass(conn: Any, kind: int, number: int, packet: SSHPacket) -> None:
    """A packet in which there is nothing to read."""


def _string(data: bytes) -> bytes:
    """The string at the start, as far as it is there."""
    return data[4 : 4 + int.from_bytes(data[:4], "big")]
