"""Tolerate deviations from RFC 4253 for which asyncssh would end the connection.

Old devices omit fields that nobody reads, and use character sets other than UTF-8. Missing fields
are added, texts are decoded, and packets without information are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MethodType
from typing import Any, Protocol

from guacr.sshlib import Boolean, SSHPacket, String, UInt32, asyncssh, auth, constants

_Handler = Callable[[Any, int, int, SSHPacket], Any]


class Observer(Protocol):
    """Receives events that asyncssh does not report."""

    def disconnect_received(self) -> None:
        """Handle a disconnect message of the host, as opposed to an error on our side."""

    def partial_success(self) -> None:
        """Handle the success of one of several login methods; the host requires a further one."""


def be_lenient(
    connection: asyncssh.SSHClientConnection, observer: Observer, decode: Callable[[bytes], str]
) -> None:
    """Make a connection tolerant; `decode` decodes texts that are not UTF-8."""
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
        """Ignore a response without a request."""
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

    strict_version = connection._recv_version

    def version() -> bool:
        """Handle the host's version line."""
        try:
            return strict_version()
        except UnicodeDecodeError:  # it has been processed, except for its text
            line = connection._server_version
            connection.set_extra_info(server_version=utf_8(line).decode())
            connection._send_kexinit()
            connection._kexinit_sent = True
            connection._recv_handler = connection._recv_pkthdr
            return True

    connection._recv_version = version  # type: ignore[method-assign]
    connection._recv_handler = MethodType(lambda _: version(), connection)

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
    """Ignore a packet without information."""


def _string(data: bytes) -> bytes:
    """The string at the start, as far as it is present."""
    return data[4 : 4 + int.from_bytes(data[:4], "big")]
