"""Fuzzes what a Redis server sends, and what people type into consoles: replies are the same
however they are cut, and texts have their documented errors."""

from __future__ import annotations

import contextlib

from guacr.errors import BadRequestError, UpstreamError
from handlers.database.adapter import StatementError
from handlers.database.console import commands
from handlers.database.mongodb.commands import parse_command
from handlers.database.mongodb.values import UnfinishedError
from handlers.database.redis.resp import RespReader, Token
from handlers.database.redis.text import ReplyWriter, words
from handlers.database.sql.splitter import Splitter
from handlers.database.sql.statements import Dialect
from tests.fuzz.driver import main

SAMPLES = [
    b"*3\r\n$3\r\nabc\r\n:5\r\n-ERR no\r\n+OK\r\n$-1\r\n*-1\r\n",
    b"%1\r\n+a\r\n~2\r\n#t\r\n,1.5\r\n>1\r\n(123\r\n_\r\n=7\r\ntxt:abc\r\n|1\r\n+k\r\n+v\r\n:1\r\n",
    b"set a \"b\\x00\\n\" 'c'\\",
    b'db.c.find({a: 1, b: /x/i, c: ObjectId("0123456789abcdef01234567")}).sort({a: -1}).limit(5)',
    b'db.runCommand({ping: 1, d: ISODate("2024-01-01"), e: NumberLong(5), f: [true, null]})',
    b"\\export table.csv select 1",
    b"select 'a;b' /* ; */ -- ;\n; $x$ ; $x$; delimiter //\nbegin end//",
]


def one_input(data: bytes) -> None:
    """Read `data` as replies, whole and in parts, and as what a person has typed."""
    step = 1 + sum(data[:2]) % 13
    whole = _replies([data])
    assert whole == _replies([data[at : at + step] for at in range(0, len(data), step)])
    text = data.decode(errors="replace")
    with contextlib.suppress(BadRequestError):
        words(text)
    with contextlib.suppress(StatementError, UnfinishedError):
        assert parse_command(text).writes in (True, False)
    commands.parse(text, tabular=True)
    splitter = Splitter(Dialect(dollars=True, backticks=True, delimiters=True))
    for line in text.split("\n"):
        for _ in splitter.feed(line):
            pass
    splitter.last()


def _replies(parts: list[bytes]) -> tuple[list[Token], list[str]]:
    reader, writer = RespReader(), ReplyWriter()
    found: list[Token] = []
    shown: list[str] = []
    with contextlib.suppress(UpstreamError):
        for part in parts:
            reader.feed(part)
            for token in reader.tokens():
                found.append(token)
                shown += writer.add(token)
    return found, shown


if __name__ == "__main__":
    main(one_input, SAMPLES)
