"""Redis' console against real servers."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from guacr.protocol.status import Status
from handlers.database.params import RedisParams
from handlers.database.redis.adapter import RedisAdapter
from handlers.database.redis.names import RedisSchema
from tests.handlers.database.people import ENTER, UP, Person, Room
from tests.support.certificates import Authority
from tests.support.redis_server import redis_server

SECRET = "open sesame"


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    with redis_server("--enable-debug-command", "yes") as found:
        yield {name: found[name] for name in ("hostname", "port")}


@pytest.fixture
async def person(room: Room, server: dict[str, str]) -> Person:
    person = room.open("redis", **server)
    await person.sees(f"{server['port']}>", "Redis ")
    person.type("flushall\n")
    await person.sees("OK")
    return person


async def test_replies_look_as_in_redis_cli(person: Person) -> None:
    person.type(r'set a "x\x41 \xff\n"' + "\nget a\nget b\nrpush l 1 2 3\nlrange l 0 -1\n")
    await person.sees('"xA \\xff\\n"', "(nil)", "(integer) 3", '1) "1"\n2) "2"\n3) "3"')
    person.type("hset h f v\nhello 3\nhgetall h\nlpush a 1\n")
    await person.sees('1# "f" => "v"', "(error) WRONGTYPE Operation")
    person.type("info\n")
    await person.sees("# Server", "q quit")
    person.type("q")
    await person.sees("info\n127.0.0.1")
    person.type('get "a\n')
    await person.sees("invalid argument(s)")


async def test_help_tells_how_commands_end(person: Person) -> None:
    person.type("\\?\n")
    await person.sees("Each line is a command.")


async def test_databases_and_transactions_are_in_the_prompt(person: Person) -> None:
    person.type("select 3\n")
    await person.sees("[3]>")
    person.type("multi\n")
    await person.sees("[3](TX)>")
    person.type("set a 1\nselect 4\nlpush a 2\nexec\n")
    await person.sees("QUEUED", "1) OK\n2) OK\n3) (integer) 1", "[4]>")
    person.type("select 99\n")
    await person.sees("(error) ERR DB index is out of range", "[4]>")
    person.type("\\c 2\n")
    await person.sees("[2]>")


async def test_a_big_reply_is_paged_and_left(person: Person) -> None:
    person.type("eval \"for i=1,300000 do redis.call('rpush','big',i) end return 'filled'\" 0\n")
    await person.sees('"filled"')
    person.type("lrange big 0 -1\n")
    await person.sees('    30) "30"', "so far")
    person.type("q")
    await person.sees("looked at; there are more")
    person.type("echo answer\n")
    await person.sees('"answer"')


async def test_ctrl_c_ends_what_blocks_and_the_connection_goes_on(person: Person) -> None:
    person.type("select 5\nblpop nothing 0\n")
    await person.sees("blpop nothing 0")
    await person.runs()
    person.control("c")
    await person.sees("cancelled; the connection was reopened", "[5]>")
    person.type("set here 1\nget here\n")
    await person.sees('"1"')


async def test_messages_come_until_ctrl_c(
    room: Room, person: Person, server: dict[str, str]
) -> None:
    person.type("subscribe news\n")
    await person.sees("Reading messages", '1) "subscribe"\n2) "news"\n3) (integer) 1')
    other = room.open("redis", **server)
    await other.sees(">")
    other.type('publish news "it rains"\n')
    await other.sees("(integer) 1")
    await person.sees('1) "message"\n2) "news"\n3) "it rains"')
    person.control("c")
    person.type("monitor\n")
    await person.sees("monitor", "\nOK")
    other.type("get watched\n")
    await person.sees('"get" "watched"')
    person.control("c")
    person.type("ping\n")
    await person.sees("PONG")


async def test_what_commands_do_is_shortened_visibly(person: Person) -> None:
    def summary() -> str:
        console = person.handler._console
        assert console is not None
        schema = console._names.suggestions.schema
        return schema.commands.get("geosearchstore", "") if isinstance(schema, RedisSchema) else ""

    await person.waits(lambda: summary() != "")
    assert summary() == "Query a sorted set representing a geospatial index to fetch…"


async def test_commands_and_keys_are_completed(person: Person) -> None:
    person.type("set user:1 Ann\nselect 0\n")

    def knows() -> bool:
        console = person.handler._console
        assert console is not None
        schema = console._names.suggestions.schema
        return isinstance(schema, RedisSchema) and schema.keys == ("user:1",)

    await person.waits(knows)
    person.type("clear")
    person.control("u")
    person.type("strl\t use\t\n")
    await person.sees("strlen user:1", "(integer) 3")
    person.type("CLIENT GETNA\t\n")
    await person.sees("CLIENT GETNAME", "(nil)")


async def test_a_key_is_described(person: Person) -> None:
    person.type('rpush "a b" 1 2 3\nset passing x ex 1000\n')
    await person.sees("(integer) 3", "OK")
    person.type('\\d "a b"\n')
    await person.sees(
        "Type │ Encoding ", "│ Length │ Expires │", "list │ quicklist │      3 │ never   │"
    )
    person.type("\\d passing\n")
    await person.sees("string │ embstr   │      1 │ in ", " bytes\n(1 row)")
    person.type("\\d nowhere\n")
    await person.sees("there is no nowhere here")
    person.type("multi\n\\d passing\n")
    await person.sees("keys cannot be read between MULTI and EXEC")


def test_commands_are_offered_in_their_order() -> None:
    adapter = RedisAdapter(RedisParams())
    offered = adapter.suggestions()
    offered.schema = RedisSchema(commands={"set": "", "scan": "", "sadd": "", "client list": ""})
    assert [text for text, _ in offered("", "s")] == ["sadd", "scan", "set"]


async def test_reading_only(room: Room, person: Person, server: dict[str, str]) -> None:
    careful = room.open("redis", **server, read_only_session="true")
    await careful.sees(">")
    for command in ("set a 1", "eval 'return 1' 0", "shutdown", "flushall"):
        careful.type(f"{command}\n")
        await careful.sees(f"(error) '{command.split()[0]}' may write")
    careful.type("eval_ro 'return 7' 0\npfcount none\nconfig get maxmemory\n")
    await careful.sees("(integer) 7", "(integer) 0", '1) "maxmemory"')


async def test_a_statement_that_takes_too_long_is_ended(room: Room, server: dict[str, str]) -> None:
    person = room.open("redis", **server, statement_timeout="1")
    await person.sees(">")
    person.type("blpop nothing 0\n")
    await person.sees("ended after 1 s")
    person.type("ping\n")
    await person.sees("PONG")


async def test_passwords_are_asked_for_and_kept_to_themselves(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    user = ["--user", "ann", "on", ">hush", "+@all", "-ping", "~*"]
    with redis_server("--requirepass", SECRET, *user) as found:
        server = {name: found[name] for name in ("hostname", "port")}
        person = room.open("redis", **server)
        await person.sees("Password:")
        person.type(f"{SECRET}\n")
        await person.sees(f"{server['port']}>")
        person.type("ping\nauth ann hush\n")
        await person.sees("PONG\n", "OK")
        person.type("acl whoami\n")
        await person.sees('"ann"')
        person.press(UP, UP, UP)
        await person.sees("> ping")
        message, status = await room.open("redis", **server, password="hush").fails()
        assert "rejects the login of 'default'" in message
        assert "hush" not in message
        assert int(status) == Status.CLIENT_UNAUTHORIZED
        named = room.open("redis", **server, username="ann", password="hush")
        await named.sees(">")
    names = [args for one in (person, named) for args in one.transport.all("name")]
    assert SECRET not in caplog.text + str(names)
    assert "hush" not in caplog.text + str(names)


async def test_a_connection_that_the_server_closes(room: Room, server: dict[str, str]) -> None:
    person = room.open("redis", **server)
    await person.sees(">")
    person.type("client kill type normal skipme no\n")
    person.type("ping\n")
    await person.sees("the connection is lost", "(not connected)")
    person.press(ENTER)
    await person.sees("PONG")
    assert "(not connected)" not in person.lines[-1]


async def test_refusals_are_told(room: Room, server: dict[str, str]) -> None:
    message, status = await room.open("redis", **server, database="99").fails()
    assert "database 99 cannot be opened" in message
    assert int(status) == Status.RESOURCE_NOT_FOUND
    message, status = await room.open("redis", **server, database="one").fails()
    assert int(status) == Status.CLIENT_BAD_REQUEST
    message, status = await room.open("redis", **server | {"port": "1"}).fails()
    assert int(status) == Status.UPSTREAM_UNAVAILABLE
    message, status = await room.open("redis", hostname="/nowhere/socket").fails()
    assert int(status) == Status.UPSTREAM_UNAVAILABLE
    message, status = await room.open("redis", **server, tls="require", timeout="1").fails()
    assert "does not answer to TLS" in message
    assert int(status) == Status.UPSTREAM_TIMEOUT


async def test_encryption_with_certificates_and_a_socket(room: Room) -> None:
    authority = Authority()
    own = authority.issue("client")
    with redis_server(authority=authority) as found:
        server = {name: found[name] for name in ("hostname", "port")}
        pair = {"tls_cert": own.certificate, "tls_key": own.key}
        person = room.open(
            "redis", **server, **pair, tls="verify-full", tls_ca=authority.certificate
        )
        await person.sees(f"{server['port']}>")
        message, status = await room.open("redis", **server, **pair, tls="verify-full").fails()
        assert "is not trusted" in message
        assert int(status) == Status.UPSTREAM_ERROR
        unknown = {"tls": "require", "tls_ca": Authority().certificate}
        message, status = await room.open("redis", **server, **pair, **unknown).fails()
        assert "is not trusted" in message
        message, status = await room.open("redis", **server, tls="require").fails()
        assert int(status) == Status.UPSTREAM_ERROR
        message, status = await room.open("redis", **server).fails()
        assert "check port and tls" in message
        local = room.open("redis", hostname=found["socket"])
        await local.sees(f"{found['socket']}>")
