"""Hosts made for a test: what they do wrong, logins, TLS and compression."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
import zlib
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from handlers.telnet.handler import TelnetHandler
from handlers.telnet.inflation import Inflation
from tests.support.certificates import Authority
from tests.support.scripted_host import Script, saying, scripted_host, send_reset
from tests.support.ssh_desk import Desk, desk
from tests.support.waiting import free_port, until

STARTS_TLS = b"\xff\xfa\x2e\x01\xff\xf0"
ENDED = "Host '127.0.0.1' has closed the connection."
STARTS_MCCP2 = b"\xff\xfa\x56\xff\xf0"


def asking(verdict: bytes, typed: list[bytes]) -> Script:
    """A host that asks for name and password, and says `verdict`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for prompt in (b"login: ", b"Password: "):
            writer.write(prompt)
            typed.append(await reader.readuntil(b"\r"))
        writer.write(verdict)
        typed.append(await reader.readuntil(b"\r"))
        writer.write(b"goodbye\r\n")

    return serve


async def typed_and_taken(person: Desk, text: str) -> None:
    """Type a text, and wait until the session has it."""
    person.client.type(text)
    after = person.client.argv("font-size", "13")  # answered after the keys were taken
    await person.client.wait(lambda: any(ack[0] == after for ack in person.client.state.acks))


async def failure(daemon: Daemon, values: dict[str, str]) -> tuple[str, int]:
    async with await GuacClient.connect(("127.0.0.1", daemon.port), "telnet", values) as client:
        await client.wait(lambda: client.state.errors, "an error")
        await client.wait_closed()
        ((sentence, status),) = client.state.errors
    assert not sentence.endswith(".")
    assert "sesame" not in sentence
    return sentence, status


async def test_no_host(daemon: Daemon) -> None:
    _, status = await failure(daemon, {})
    assert status == Status.CLIENT_BAD_REQUEST


async def test_a_closed_port(daemon: Daemon) -> None:
    values = {"hostname": "127.0.0.1", "port": str(free_port())}
    sentence, status = await failure(daemon, values)
    assert status == Status.UPSTREAM_UNAVAILABLE
    assert f"refuses connections to port {values['port']}" in sentence


async def test_an_unknown_name(daemon: Daemon) -> None:
    _, status = await failure(daemon, {"hostname": "host.invalid"})
    assert status == Status.UPSTREAM_NOT_FOUND


async def test_a_silent_host(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TelnetHandler, "FIRST_WORD_TIMEOUT", 0.3)
    async with scripted_host(saying(b"")) as values:
        sentence, status = await failure(daemon, values)
    assert status == Status.UPSTREAM_TIMEOUT
    assert "sent nothing within 0.3 s" in sentence


async def test_a_host_that_closes_at_once(daemon: Daemon) -> None:
    async with scripted_host(saying(b"", closing=True)) as values:
        sentence, status = await failure(daemon, values)
    assert status == Status.UPSTREAM_ERROR
    assert "before saying anything" in sentence


async def test_a_host_that_says_goodbye(daemon: Daemon) -> None:
    async with (
        scripted_host(saying(b"go away\r\n", closing=True)) as values,
        desk(daemon, values, protocol="telnet") as person,
    ):
        await person.end()


async def test_a_negotiation_without_an_end(daemon: Daemon) -> None:
    async with scripted_host(saying(b"\xff\xfa" + b"x" * 5000)) as values:
        sentence, status = await failure(daemon, values)
    assert status == Status.UPSTREAM_ERROR
    assert "4096" in sentence


async def test_a_host_that_asks_and_does_not_listen(daemon: Daemon) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"\xff\xfd\x27" + b"\xff\xfa\x27\x01\xff\xf0" * 50_000)
        await over.wait()

    over = asyncio.Event()
    async with scripted_host(serve) as values:
        sentence, status = await failure(daemon, values | {"username": "x" * 300})
    assert status == Status.UPSTREAM_ERROR
    assert "sends endless requests" in sentence


async def test_an_expression_that_is_none(daemon: Daemon) -> None:
    sentence, status = await failure(
        daemon, {"hostname": "127.0.0.1", "login-failure-regex": "(incorrect"}
    )
    assert status == Status.CLIENT_BAD_REQUEST
    assert "login-failure-regex" in sentence


# ---- logins

CREDENTIALS = {"username": "ann", "password": "sesame"}


async def test_a_login(daemon: Daemon) -> None:
    typed: list[bytes] = []
    async with (
        scripted_host(asking(b"\r\nwelcome$ ", typed)) as values,
        desk(daemon, values | CREDENTIALS, protocol="telnet") as person,
    ):
        await person.see("welcome$")
        assert typed == [b"ann\r", b"sesame\r"]
        person.client.type("exit\n")
        await person.see("goodbye")
    assert typed[2] == b"exit\r"


async def test_a_login_that_fails(daemon: Daemon) -> None:
    async with scripted_host(asking(b"\r\nLogin incorrect\r\n", [])) as values:
        rules = {"login-failure-regex": "incorrect$", "login-success-regex": "[$#] $"}
        sentence, status = await failure(daemon, values | CREDENTIALS | rules)
    assert status == Status.CLIENT_UNAUTHORIZED
    assert "rejects the login" in sentence


async def test_what_is_typed_waits_for_the_login(daemon: Daemon) -> None:
    typed: list[bytes] = []
    rules = {"login-success-regex": "welcome"}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there.set()
        await asked.wait()
        await asking(b"\r\nwelcome$ ", typed)(reader, writer)

    there, asked = asyncio.Event(), asyncio.Event()
    async with (
        scripted_host(serve) as values,
        desk(daemon, values | CREDENTIALS | rules, protocol="telnet") as person,
    ):
        await there.wait()
        await typed_and_taken(person, "early\n")
        asked.set()
        await person.end()
    assert typed == [b"ann\r", b"sesame\r", b"early\r"]


async def test_a_login_without_a_verdict(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TelnetHandler, "LOGIN_TIMEOUT", 0.3)
    async with scripted_host(saying(b"hello ")) as values:
        sentence, status = await failure(daemon, values | {"login-success-regex": "welcome"})
    assert status == Status.UPSTREAM_TIMEOUT
    assert "login-success-regex" in sentence


async def test_a_host_that_closes_during_the_login(daemon: Daemon) -> None:
    async with scripted_host(saying(b"hello ", closing=True)) as values:
        sentence, status = await failure(daemon, values | {"login-success-regex": "welcome"})
    assert status == Status.UPSTREAM_ERROR
    assert "before the login succeeded" in sentence


async def test_a_host_that_does_not_echo(daemon: Daemon) -> None:
    async with (
        scripted_host(saying(b"\xff\xfc\x01> ")) as values,
        desk(daemon, values, protocol="telnet") as person,
    ):
        await person.see(">")
        person.client.type("hello\b!")
        await person.see("> hell!")


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
async def test_a_host_that_ends_an_open_session(
    daemon: Daemon, tmp_path: Path, reset: bool, secure: bool
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Password:")
        await reader.readuntil(b"\r")
        writer.write(b"bye")
        await writer.drain()
        await gone.wait()
        if reset:
            send_reset(writer.transport)

    gone = asyncio.Event()
    tls = Authority().server_context(tmp_path) if secure else None
    terms = {"use-ssl": "true", "ignore-cert": "true"} if secure else {}
    async with (
        scripted_host(serve, tls) as values,
        desk(daemon, values | terms, protocol="telnet") as person,
    ):
        await person.see("Password:")
        person.client.type("exit\n")
        await person.see("bye")
        gone.set()
        await person.end()
    assert person.text.rstrip().endswith("bye\n" + ENDED)


async def test_a_network_that_falls_silent_is_a_loss(daemon: Daemon) -> None:
    async with (
        scripted_host(saying(b"hello")) as values,
        desk(daemon, values, protocol="telnet") as person,
    ):
        await person.see("hello")
        # what the kernel reports once its retransmissions have run out
        connection = person.handler._connection  # type: ignore[attr-defined]
        connection.connection_lost(TimeoutError(errno.ETIMEDOUT, "timed out"))
        sentence, status = await person.failure()
    assert status == Status.UPSTREAM_TIMEOUT
    assert "has stopped answering" in sentence


@pytest.mark.parametrize("rules", [{}, {"login-success-regex": "welcome"}])
async def test_a_query_in_the_first_bytes_is_answered(
    daemon: Daemon, rules: dict[str, str]
) -> None:
    """Each time, and also while people may not type yet."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x1b[6n")
        answers.append(await reader.readuntil(b"R"))
        writer.write(b"welcome")
        await reader.read()

    answers: list[bytes] = []
    for _ in range(12):
        async with (
            scripted_host(serve) as values,
            desk(daemon, values | rules, protocol="telnet") as person,
        ):
            await person.see("welcome")
    assert answers == [b"\x1b[1;1R"] * 12


async def test_an_answer_of_the_terminal_is_not_echoed(daemon: Daemon) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\xff\xfc\x01> \x1b[5n")
        await reader.readuntil(b"n")
        writer.write(b"done")
        await reader.read()

    async with scripted_host(serve) as values, desk(daemon, values, protocol="telnet") as person:
        await person.see("done")
        assert person.text.strip() == "> done"


@pytest.mark.parametrize("negotiates", [False, True])
async def test_keys_that_are_a_break(daemon: Daemon, negotiates: bool) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\xff\xfd\x01" * negotiates + b"> ")
        typed.append(await reader.readuntil(b"0end"))
        writer.write(b"done")
        await reader.read()

    typed: list[bytes] = []
    async with scripted_host(serve) as values, desk(daemon, values, protocol="telnet") as person:
        await person.see(">")
        for keysym in (0xFF13, 0xFF69, 0xFF6B):  # Pause, Cancel, Break
            person.client.key(keysym)
        person.control("0")
        person.client.type("0end")
        await person.see("done")
    offers = b"\xff\xfb\x00\xff\xfc\x01" if negotiates else b""
    assert typed[0].replace(offers, b"") == b"\xff\xf3" * 4 + b"0end"


async def test_a_break_waits_for_the_login(daemon: Daemon) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"login: ")
        await tried.wait()
        writer.write(b"welcome")
        typed.append(await reader.readuntil(b"end"))
        writer.write(b"done")
        await reader.read()

    typed: list[bytes] = []
    tried = asyncio.Event()
    rules = {"login-success-regex": "welcome"}
    async with (
        scripted_host(serve) as values,
        desk(daemon, values | rules, protocol="telnet") as person,
    ):
        await person.see("login:")
        person.client.key(0xFF13)
        await typed_and_taken(person, "end")
        tried.set()
        await person.see("done")
    assert typed == [b"end"]


async def test_a_person_who_logs_in_alone_keeps_the_password_back(daemon: Daemon) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        typed.append(await reader.readuntil(b"\r"))  # a console server waits for Enter
        writer.write(b"User: ")
        typed.append(await reader.readuntil(b"\r"))
        writer.write(b"Password: ")
        typed.append(await reader.readuntil(b"\r"))
        writer.write(b"done")
        await reader.read()

    typed: list[bytes] = []
    async with (
        scripted_host(serve) as values,
        desk(daemon, values | CREDENTIALS, protocol="telnet") as person,
    ):
        await person.client.frame()
        person.client.type("\n")
        await person.see("User:")
        person.client.type("bob\n")
        await person.see("Password:")
        person.client.type("other\n")
        await person.see("done")
    assert typed == [b"\r", b"bob\r", b"other\r"]


# ---- compression


async def test_compressed_output(daemon: Daemon) -> None:
    text = b"".join(b"line %d\r\n" % number for number in range(20000))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\xff\xfb\x56")
        while b"\xff\xfd\x56" not in await reader.read(1000):
            pass
        writer.write(b"plain\r\n" + STARTS_MCCP2 + zlib.compress(text) + b"plain again")
        await reader.read()

    async with scripted_host(serve) as values, desk(daemon, values, protocol="telnet") as person:
        await person.see("line 19998\nline 19999\nplain again")


async def test_compressed_output_of_a_host_that_hangs_up(daemon: Daemon) -> None:
    bomb = zlib.compress(b"x" * 30_000_000) + b"\r\nthe end"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\xff\xfb\x56")
        while b"\xff\xfd\x56" not in await reader.read(1000):
            pass
        writer.write(STARTS_MCCP2 + bomb)
        await writer.drain()

    async with scripted_host(serve) as values, desk(daemon, values, protocol="telnet") as person:
        await person.end()
        assert person.text.rstrip().endswith("xx\nthe end\n" + ENDED)


def compressing(body: bytes) -> Script:
    """A host that starts compression, sends `body`, and waits."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\xff\xfb\x56")
        while b"\xff\xfd\x56" not in await reader.read(1000):
            pass
        writer.write(STARTS_MCCP2 + body)
        await reader.read()

    return serve


@pytest.mark.parametrize(
    "nothing", [b"\xff\xf1", b"\xff\xfa\x63\xff\xf9"], ids=["commands", "cut negotiations"]
)
async def test_others_have_their_turns_while_much_is_inflated(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, nothing: bytes
) -> None:
    turns = 0
    taken: list[int] = []

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    class Noted(Inflation):
        def take(self) -> bytes:
            taken.append(turns)
            return super().take()

    monkeypatch.setattr("handlers.telnet.connection.Inflation", Noted)
    body = zlib.compress(nothing * (1_000_000 // len(nothing))) + b"the end"
    async with (
        scripted_host(compressing(body)) as values,
        desk(daemon, values, protocol="telnet") as person,
    ):
        counting = asyncio.create_task(count())
        await person.see("the end")
        counting.cancel()
    assert len(taken) > 10
    assert len(set(taken)) == len(taken)


async def test_compression_that_ends_and_starts_again(daemon: Daemon) -> None:
    body = (zlib.compress(b"") + STARTS_MCCP2) * 2000 + zlib.compress(b"the end")
    async with (
        scripted_host(compressing(body)) as values,
        desk(daemon, values, protocol="telnet") as person,
    ):
        await person.see("the end")


async def test_compressed_output_that_is_broken(daemon: Daemon) -> None:
    async with scripted_host(compressing(b"this is not zlib")) as values:
        sentence, status = await failure(daemon, values)
    assert status == Status.UPSTREAM_ERROR
    assert "MCCP2" in sentence


# ---- TLS


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def tls(authority: Authority, tmp_path: Path) -> ssl.SSLContext:
    return authority.server_context(tmp_path)


async def test_tls_from_the_first_byte(
    daemon: Daemon, authority: Authority, tls: ssl.SSLContext
) -> None:
    rules = {"use-ssl": "true", "ca-cert": authority.certificate}
    async with (
        scripted_host(asking(b"\r\nwelcome$ ", []), tls) as values,
        desk(daemon, values | CREDENTIALS | rules, protocol="telnet") as person,
    ):
        await person.see("welcome$")


async def test_a_port_that_stands_for_tls(
    daemon: Daemon, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scripted_host(saying(b"hello"), tls) as values:
        monkeypatch.setattr("handlers.telnet.handler.TELNETS_PORT", int(values["port"]))
        async with desk(daemon, values | {"ignore-cert": "true"}, protocol="telnet") as person:
            await person.see("hello")


async def test_a_certificate_that_is_not_trusted(daemon: Daemon, tls: ssl.SSLContext) -> None:
    async with scripted_host(saying(b"hello"), tls) as values:
        values = values | {"use-ssl": "true"}
        sentence, status = await failure(daemon, values)
        assert status == Status.UPSTREAM_ERROR
        assert "is not trusted" in sentence
        async with desk(daemon, values | {"ignore-cert": "true"}, protocol="telnet") as person:
            await person.see("hello")


async def test_a_host_without_tls(daemon: Daemon) -> None:
    async with scripted_host(saying(b"login: ")) as values:
        sentence, status = await failure(daemon, values | {"use-ssl": "true"})
    assert status == Status.UPSTREAM_ERROR
    assert "does not speak TLS" in sentence


async def test_tls_that_the_host_asks_for(
    daemon: Daemon, authority: Authority, tls: ssl.SSLContext
) -> None:
    heard = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"before\r\n\xff\xfd\x2e")
        while STARTS_TLS not in heard:
            heard.extend(await reader.read(1000))
        writer.write(STARTS_TLS)
        await writer.start_tls(tls)
        await asking(b"\r\nwelcome$ ", [])(reader, writer)

    async with (
        scripted_host(serve) as values,
        desk(
            daemon,
            values | CREDENTIALS | {"ca-cert": authority.certificate},
            protocol="telnet",
        ) as person,
    ):
        await person.see("before")
        await person.see("welcome$")
        person.client.type("exit\n")
        await person.see("goodbye")
    assert b"sesame" not in heard


async def test_what_is_typed_before_tls_stands_is_not_sent_in_plain(
    daemon: Daemon, authority: Authority, tls: ssl.SSLContext
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"before\r\n\xff\xfd\x2e")
        heard = b""
        while STARTS_TLS not in heard:
            heard += await reader.read(1000)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(STARTS_TLS)
        await until(lambda: unread(writer), "a TLS handshake")
        begun.set()
        await typed.wait()
        assert b"sesame" not in unread(writer)
        await writer.start_tls(tls)
        writer.write(b"you said " + await reader.readuntil(b"\r"))
        await reader.read()

    begun, typed = asyncio.Event(), asyncio.Event()
    trusted = {"ca-cert": authority.certificate}
    async with (
        scripted_host(serve) as values,
        desk(daemon, values | trusted, protocol="telnet") as person,
    ):
        await begun.wait()
        await typed_and_taken(person, "sesame\n")
        typed.set()
        await person.see("you said sesame")


def unread(writer: asyncio.StreamWriter) -> bytes:
    """Return the bytes that have arrived and have not been read."""
    with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as twin:
        try:
            return twin.recv(65536, socket.MSG_PEEK)
        except BlockingIOError:
            return b""
