"""Commands and replies, held to redis-cli itself."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.errors import BadRequestError
from handlers.database.redis.resp import DEPTH_MAX, RespError, RespReader, Token
from handlers.database.redis.text import ReplyWriter, holds_password, is_raw, quoted, words
from tests.support.redis_server import redis_server
from tests.support.require import require

SHOWN = (
    b"*2\r\n*2\r\n$1\r\na\r\n:1\r\n*11\r\n" + b"_\r\n" * 10 + b"%1\r\n$1\r\nk\r\n~1\r\n+v\r\n",
    """\
1) 1) "a"
   2) (integer) 1
2)  1) (nil)
    2) (nil)
    3) (nil)
    4) (nil)
    5) (nil)
    6) (nil)
    7) (nil)
    8) (nil)
    9) (nil)
   10) (nil)
   11) 1# "k" => 1~ v""",
)
COMMANDS = [
    "get none", "debug protocol map", "debug protocol set",
    "debug protocol verbatim", "debug protocol double", "debug protocol true",
    "debug protocol null", "debug protocol array", "command docs get config", "command info set",
    "zrange z 0 -1 withscores", "eval 'return {1,{},{2,{3,\"x\"}}}' 0", "lrange l 0 -1",
    *(f"eval 'redis.setresp(3); return {value}' 0" for value in (
        "{map={a={1,2}}}", "{map={a={set={x=true}}}}", "{map={a={}}}", "{map={a={{1,2}}}}",
        "{map={a={map={k=1}}}}", "{{map={a={map={k={1,{map={a=1,b={2,{3}}}}}}}}}}",
    )),
    r'echo "a\x00\t\"q\" \\ \xe4"', "nonsense", "config get max*", "xinfo stream none",
]  # fmt: skip


def shown(data: bytes, *, raw: bool = False) -> str:
    reader, writer = RespReader(), ReplyWriter(raw=raw)
    reader.feed(data)
    lines = [line for token in reader.tokens() for line in writer.add(token)]
    assert writer.ended
    return "\n".join(lines)


def test_nested_replies_are_aligned() -> None:
    assert shown(SHOWN[0]) == SHOWN[1]


@pytest.mark.parametrize("version", ["-2", "-3"])
def test_replies_are_what_redis_cli_prints(version: str) -> None:
    client = str(require("redis-cli"))
    with redis_server("--enable-debug-command", "yes") as server:
        port = server["port"]
        with (
            socket.create_connection(("127.0.0.1", int(port))) as plain,
            plain.makefile("rb") as stream,
        ):
            for setup in (f"HELLO {version[1:]}", *(f"RPUSH l {i}" for i in range(120)),
                          "ZADD z 1.5 a 2 b"):  # fmt: skip
                plain.sendall(setup.encode() + b"\r\n")
                reply_of(stream.readline, stream.read)
            for command in COMMANDS:
                theirs = subprocess.run(
                    [client, version, "--no-raw", "-p", port],
                    input=command, capture_output=True, text=True, check=True,
                ).stdout.rstrip("\n")  # fmt: skip
                theirs = re.sub(r"\n\(\d+\.\d+s\)$", "", theirs)  # it tells of slow commands
                arguments = words(command)
                plain.sendall(b"*%d\r\n" % len(arguments))
                plain.sendall(b"".join(b"$%d\r\n%b\r\n" % (len(a), a) for a in arguments))
                ours = shown(reply_of(stream.readline, stream.read))
                assert ours == theirs, command


def reply_of(readline: Callable[[], bytes], read: Callable[[int], bytes]) -> bytes:
    """The bytes of one reply."""
    data = line = readline()
    wanted = 1
    while True:
        wanted -= 1
        kind, size = line[:1], line[1:].strip()
        if kind in b"$=!" and size != b"-1":
            data += read(int(size) + 2)
        elif kind in b"*~>" and size != b"-1":
            wanted += int(size)
        elif kind in b"%|":
            wanted += 2 * int(size) + (kind == b"|")
        if not wanted:
            return data
        line = readline()
        data += line


def test_words_are_redis_clis() -> None:
    line = r"""set  "a\x41\n b" 'it\'s' plain "" """
    assert words(line) == [b"set", b"aA\n b", b"it's", b"plain", b""]
    assert words('"\\q\\""') == [b'q"']


@pytest.mark.parametrize("line", ['a "b', "a 'b", 'a "b"c', "a b'c", "'", 'a"b"'])
def test_quotes_that_do_not_fit_are_refused(line: str) -> None:
    with pytest.raises(BadRequestError):
        words(line)


@given(st.lists(st.binary(max_size=20), min_size=1))
def test_quoted_words_come_back(arguments: list[bytes]) -> None:
    assert words(" ".join(map(quoted, arguments))) == arguments


def test_depth_has_a_bound() -> None:
    writer = ReplyWriter()
    for _ in range(DEPTH_MAX):
        writer.add(Token(b"*", size=1))
    with pytest.raises(RespError):
        writer.add(Token(b"*", size=1))


@pytest.mark.parametrize(
    "line",
    ["auth x", " AUTH u p", "acl setuser a >p", "config set requirepass p", "hello 3 auth u p",
     "config set masterauth p", "migrate h 1 k 0 1 AUTH p"],
)  # fmt: skip
def test_passwords_are_known(line: str) -> None:
    assert holds_password(line)


def test_what_holds_none_and_what_is_shown_raw() -> None:
    assert not any(map(holds_password, ["get auth", "config get requirepass", "author x"]))
    assert is_raw([b"INFO", b"server"])
    assert is_raw([b"client", b"LIST"])
    assert not is_raw([b"client", b"id"])
    assert shown(b"$8\r\na\r\nb\r\n\r\n\r\n", raw=True) == "a\nb"
