"""Certificates and keys as people give them."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from asyncio import sslproto
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from guacr.errors import BadRequestError
from handlers.telnet.connection import TelnetConnection
from handlers.tls import TlsTerms, connect, context
from tests.support.certificates import Authority
from tests.support.scripted_host import saying, scripted_host


async def test_text_around_a_certificate_does_no_harm() -> None:
    own = Authority().issue("host")
    await context(TlsTerms(authorities=f"\ufeff{own.certificate}Schlüssel des Hosts"))


@pytest.mark.parametrize("junk", ["junk", "Schlüssel", "\ud800", "\0", " "])
async def test_junk_is_named(junk: str) -> None:
    own = Authority().issue("host")
    with pytest.raises(BadRequestError, match="ca-cert contains no PEM certificate"):
        await context(TlsTerms(authorities=junk))
    for terms in (
        TlsTerms(certificate=junk, key=own.key),
        TlsTerms(certificate=own.certificate, key=junk),
        TlsTerms(key=own.key),
    ):
        with pytest.raises(BadRequestError, match="client-cert and client-key must be"):
            await context(terms)


async def test_an_encrypted_key_is_refused_and_not_tried(tmp_path: Path) -> None:
    own = Authority().issue("host")
    plain, encrypted = tmp_path / "plain.pem", tmp_path / "encrypted.pem"
    plain.write_text(own.key)
    # the empty passphrase, so that it would open if it were tried
    command: list[str | Path] = [
        "openssl",
        "pkcs8",
        "-topk8",
        "-in",
        plain,
        "-out",
        encrypted,
        "-passout",
        "pass:",
    ]
    await asyncio.to_thread(lambda: subprocess.run(command, check=True))
    with pytest.raises(BadRequestError, match="not encrypted"):
        await context(TlsTerms(certificate=own.certificate, key=encrypted.read_text()))


async def _connects(sock: socket.socket, tls: ssl.SSLContext) -> None:
    await connect(sock, tls, "localhost", 1 << 16)


async def _connects_by_telnet(sock: socket.socket, tls: ssl.SSLContext) -> None:
    nobody: Any = None
    await TelnetConnection(nobody, lambda _: nobody).open(sock, tls, "localhost")


@pytest.mark.parametrize("begin", [_connects, _connects_by_telnet])
async def test_an_end_as_tls_has_begun(
    begin: Callable[[socket.socket, ssl.SSLContext], Coroutine[None, None, None]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The number of a closed socket must not be read from any more: it soon means another one."""
    loop, authority, tasks = asyncio.get_running_loop(), Authority(), list[asyncio.Task[None]]()
    complete = sslproto.SSLProtocol._on_handshake_complete

    def complete_and_cancel(protocol: Any, error: Exception | None) -> None:
        complete(protocol, error)
        if not protocol._server_side:
            tasks[0].cancel()

    monkeypatch.setattr(sslproto.SSLProtocol, "_on_handshake_complete", complete_and_cancel)
    async with scripted_host(saying(b""), authority.server_context(tmp_path)) as found:
        sock = socket.create_connection((found["hostname"], int(found["port"])))
        sock.setblocking(False)
        tls = ssl.create_default_context(cadata=authority.certificate)
        tasks.append(loop.create_task(begin(sock, tls)))
        await asyncio.wait(tasks)
        assert tasks[0].cancelled()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            receiving = loop.create_task(loop.sock_recv(ours, 1))
            await asyncio.sleep(0)
            theirs.send(b"x")
            assert await receiving == b"x"


async def test_what_precedes_tls_is_not_read(tmp_path: Path) -> None:
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 101 Switching\r\n\r\n")
        await asyncio.Event().wait()

    async with scripted_host(script) as found:
        sock = socket.create_connection((found["hostname"], int(found["port"])))
        sock.setblocking(False)
        with pytest.raises(ssl.SSLError):
            await connect(sock, ssl.create_default_context(), "localhost", 1 << 16)
