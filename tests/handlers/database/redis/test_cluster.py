"""Redis' console in a cluster, and with raw replies."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator

import pytest

from handlers.database.adapter import StatementError
from handlers.database.params import RedisParams
from handlers.database.redis.adapter import RedisAdapter
from handlers.database.redis.cluster import Redirection
from handlers.database.redis.raw import RawReplyWriter
from handlers.database.redis.resp import RespReader
from tests.handlers.database.people import Room
from tests.support.redis_server import redis_cluster
from tests.support.require import require


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[dict[str, str]]]:
    with redis_cluster() as found:
        yield found


async def test_redirections_are_followed(room: Room, nodes: list[dict[str, str]]) -> None:
    person = room.open("redis", **nodes[0], cluster="true")
    await person.sees(f"{nodes[0]['port']}>")
    person.type("set foo 1\nset bar 2\nset hello 3\n")  # slots 12182, 5061 and 866
    await person.sees(
        f"-> Redirected to slot [12182] located at 127.0.0.1:{nodes[2]['port']}",
        f"-> Redirected to slot [5061] located at 127.0.0.1:{nodes[0]['port']}",
    )
    person.type("get foo\nget hello\n")
    await person.sees('"1"', '"3"', f"127.0.0.1:{nodes[0]['port']}>")


async def test_a_slot_that_moves_is_asked_for(room: Room, nodes: list[dict[str, str]]) -> None:
    cli = str(require("redis-cli"))

    def call(node: dict[str, str], *command: str) -> str:
        done = subprocess.run(
            [cli, "-p", node["port"], *command], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    source, target = nodes[2], nodes[1]
    call(target, "cluster", "setslot", "12182", "importing", call(source, "cluster", "myid"))
    call(source, "cluster", "setslot", "12182", "migrating", call(target, "cluster", "myid"))
    person = room.open("redis", **source, cluster="true")
    await person.sees(f"{source['port']}>")
    person.type("set {foo}new 4\n")
    await person.sees(f"located at 127.0.0.1:{target['port']}", "OK")
    person.type("get {foo}nothing\n\\d {foo}new\n")
    await person.sees(f"{source['port']}> ", "string │ int      │      1 │ never")
    call(source, "cluster", "setslot", "12182", "stable")
    call(target, "cluster", "setslot", "12182", "stable")


async def test_they_are_shown_where_nobody_asked_for_it(
    room: Room, nodes: list[dict[str, str]]
) -> None:
    person = room.open("redis", **nodes[0])
    await person.sees(f"{nodes[0]['port']}>")
    person.type("set foo 1\n")
    await person.sees(f"(error) MOVED 12182 127.0.0.1:{nodes[2]['port']}")


async def test_keys_are_described_where_they_are(room: Room, nodes: list[dict[str, str]]) -> None:
    person = room.open("redis", **nodes[0], cluster="true")
    await person.sees(f"{nodes[0]['port']}>")
    person.type("set foo 1234567\nget bar\n\\d foo\n")
    await person.sees(
        f"located at 127.0.0.1:{nodes[2]['port']}\n  Type", "string │ int      │      7 │ never"
    )


async def test_shards_are_subscribed_to_where_they_are(
    room: Room, nodes: list[dict[str, str]]
) -> None:
    person = room.open("redis", **nodes[0], cluster="true")
    await person.sees(f"{nodes[0]['port']}>")
    person.type("ssubscribe foo\n")
    await person.sees(
        f"located at 127.0.0.1:{nodes[2]['port']}", '1) "ssubscribe"\n2) "foo"\n3) (integer) 1'
    )
    assert "MOVED" not in person.text
    process = await asyncio.create_subprocess_exec(
        require("redis-cli"), "-p", nodes[2]["port"], "spublish", "foo", "hello"
    )
    assert await process.wait() == 0
    await person.sees('3) "hello"')


@pytest.mark.parametrize(
    ("error", "redirection"),
    [
        (b"MOVED 1 host:7000", Redirection(1, "host", 7000, asking=False)),
        (b"ASK 2 [::1]:7000", Redirection(2, "::1", 7000, asking=True)),
        (b"MOVED 1 :7000", Redirection(1, "", 7000, asking=False)),
        (b"MOVED 1 host:0", None),
        (b"MOVED 1 /run/socket:7000", None),
        (b"ASK 1 [/run/socket]:7000", None),
        (b"MOVED 1 host:99999", None),
        (b"MOVED x host:1", None),
        (b"ERR MOVED 1 host:7000", None),
    ],
)
def test_what_is_a_redirection(error: bytes, redirection: Redirection | None) -> None:
    assert Redirection.read(error) == redirection


def raw(reply: bytes) -> list[str]:
    reader, writer, lines = RespReader(), RawReplyWriter(), list[str]()
    reader.feed(reply)
    for token in reader.tokens():
        lines += writer.add(token)
    assert writer.ended
    return lines


@pytest.mark.parametrize(
    ("reply", "lines"),
    [
        (b'$5\r\na\nb"c\r\n', ["a", 'b"c']),
        (b":7\r\n", ["7"]),
        (b"$-1\r\n", [""]),
        (b"*3\r\n$1\r\na\r\n*2\r\n:1\r\n:2\r\n$1\r\nb\r\n", ["a", "1", "2", "b"]),
        (b"%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n:2\r\n", ["a 1", "b 2"]),
        (b"*0\r\n", [""]),
        (b"#t\r\n", ["(true)"]),
    ],
)
def test_raw_replies(reply: bytes, lines: list[str]) -> None:
    assert raw(reply) == lines


async def test_raw_in_the_console(room: Room, nodes: list[dict[str, str]]) -> None:
    person = room.open("redis", **nodes[0], raw="true")
    await person.sees(f"{nodes[0]['port']}>")
    person.type("rpush bar{bar} x y\nlrange bar{bar} 0 -1\n")
    await person.sees("> rpush bar{bar} x y\n2\n", "-1\nx\ny\n")


async def test_raw_is_switched(room: Room, nodes: list[dict[str, str]]) -> None:
    person = room.open("redis", **nodes[0])
    await person.sees(f"{nodes[0]['port']}>")
    person.type("set bar x\n\\raw\nget bar\n\\raw off\nget bar\n\\raw maybe\n")
    await person.sees(
        "Raw replies are on.", "get bar\nx\n", "are off.", 'get bar\n"x"\n', "takes on or off"
    )


async def test_messages_are_raw_too(room: Room, nodes: list[dict[str, str]]) -> None:
    person = room.open("redis", **nodes[0], raw="true")
    await person.sees(f"{nodes[0]['port']}>")
    person.type("subscribe news\n")
    await person.sees("\nsubscribe\nnews\n1")


async def test_a_node_that_does_not_answer_asking_is_left() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            if line.strip() == b"PING":
                writer.write(b"+PONG\r\n")
        closed.set()
        writer.close()

    closed = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    adapter = RedisAdapter(RedisParams(hostname="127.0.0.1", port=1, timeout=1))
    adapter._at = ("127.0.0.1", 1)
    async with server:
        with pytest.raises(StatementError, match="does not accept ASKING"):
            async with asyncio.timeout(10):
                await adapter._redirected(Redirection(1, "127.0.0.1", port, asking=True))
        async with asyncio.timeout(10):
            await closed.wait()
    assert adapter._at == ("127.0.0.1", 1)
