"""The rights of a SQLite session, and its limits."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from guacr.errors import BusyError
from guacr.settings.models import DatabaseSettings
from handlers.database import client_thread
from handlers.database.adapter import LostError, Rows, StatementError
from handlers.database.params import SqliteParams
from handlers.database.sqlite.adapter import SqliteAdapter
from handlers.database.sqlite.disk import PERIOD, DiskGuard
from tests.support.loopback import until

ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"


@pytest.fixture
async def adapter() -> AsyncIterator[SqliteAdapter]:
    adapter = SqliteAdapter(SqliteParams(), DatabaseSettings(max_value=65_536))
    await adapter.connect("")
    yield adapter
    await adapter.close()


def files_in(directory: Path) -> list[Path]:
    return list(directory.iterdir())


async def run(adapter: SqliteAdapter, statement: str) -> list[tuple[str | None, ...]]:
    async with aclosing(adapter.execute(statement)) as events:
        return [row async for event in events if isinstance(event, Rows) for row in event.rows]


@pytest.mark.parametrize(
    "statement",
    [
        "pragma hard_heap_limit = 1",
        "PRAGMA main.Hard_Heap_Limit(1)",
        "select * from pragma_hard_heap_limit(1)",
        "pragma soft_heap_limit = 1",
        "select * from pragma_soft_heap_limit",
        "pragma temp_store_directory = '/tmp'",
        "pragma data_store_directory = '/tmp'",
        "pragma temp_store = memory",
        "pragma cache_size = 1000000",
        "pragma max_page_count = 1000000",
        "pragma mmap_size = 1000000000",
        "pragma busy_timeout = 100000",
        "pragma threads = 8",
        "pragma writable_schema = on",
        "pragma schema_version = 9",
        "pragma unheard_of",
        "attach 'other.db' as other",
        "attach ':memory:' as other",
        "attach 'file::memory:' as other",
        "pragma cache_spill = off",
        "attach '' as other /* vacuum */",
        "pragma journal_mode = memory",
        "pragma journal_mode = Mem",
        "attach 'file:other.db?mode=rwc' as other",
        "vacuum into 'other.db'",
        "select load_extension('other')",
        "select fts3_tokenizer('simple')",
        "select fts3_tokenizer('simple', x'4141414141414141')",
        "create virtual table v using fts4(a, tokenize=unheard_of)",
    ],
)
async def test_what_reaches_beyond_the_session_is_refused(
    adapter: SqliteAdapter, statement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StatementError):
        await run(adapter, statement)
    assert files_in(tmp_path) == []
    assert await run(adapter, "select 1") == [("1",)]


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        ("pragma table_info(t)", ("0", "a", "INT", "0", None, "0")),
        ("select name from pragma_table_info('t')", ("a",)),
        ("pragma foreign_keys = on", None),
        ("pragma user_version = 7", None),
        ("pragma integrity_check", ("ok",)),
        ("pragma journal_mode", ("delete",)),
        ("pragma cache_size", ("-1536",)),
        ("vacuum", None),
        ("/* now */ vacuum", None),
    ],
)
async def test_what_is_the_sessions_own_works(
    adapter: SqliteAdapter, statement: str, row: tuple[str | None, ...] | None
) -> None:
    await run(adapter, "create table t (a int)")
    assert await run(adapter, statement) == ([] if row is None else [row])


@pytest.mark.parametrize(
    "statement",
    [
        "select zeroblob(65537)",
        "select randomblob(100000)",
        "select replace(hex(zeroblob(30000)), '0', 'xxxx')",
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 99999) "
        "select group_concat(i) from n",
    ],
)
async def test_a_value_is_bounded(adapter: SqliteAdapter, statement: str) -> None:
    with pytest.raises(StatementError, match="string or blob too big"):
        await run(adapter, statement)
    assert await run(adapter, "select length(zeroblob(65000))") == [("65000",)]


async def test_a_long_blob_says_that_it_goes_on(adapter: SqliteAdapter) -> None:
    [(text,)] = await run(adapter, "select zeroblob(5000)")
    assert text is not None
    assert text.endswith("00…' (904 more bytes)")


async def test_whoever_leaves_ends_an_endless_statement(adapter: SqliteAdapter) -> None:
    running = asyncio.ensure_future(run(adapter, ENDLESS))
    await asyncio.sleep(0)
    await until(lambda: adapter._thread is not None and adapter._thread._calls.empty())
    running.cancel()
    async with asyncio.timeout(5):
        await adapter.close()
        with pytest.raises(asyncio.CancelledError):
            await running
    await until(lambda: client_thread._running == 0)


async def test_leaving_while_names_are_fetched_is_harmless() -> None:
    for _ in range(20):
        adapter = SqliteAdapter(SqliteParams(database=":sample:"))
        await adapter.connect("")
        learning = asyncio.ensure_future(adapter.schema())
        await asyncio.sleep(0)
        learning.cancel()
        await adapter.close()
        with pytest.raises(LostError):
            await run(adapter, "select 1")


async def test_leaving_while_connecting_is_harmless() -> None:
    for _ in range(20):
        adapter = SqliteAdapter(SqliteParams(database=":sample:"))
        connecting = asyncio.ensure_future(adapter.connect(""))
        await asyncio.sleep(0)
        connecting.cancel()
        await adapter.close()
    await until(lambda: client_thread._running == 0)


SORT = (
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000000) "
    "select i from n order by -i limit 1"
)


async def test_a_disk_that_gets_full_ends_the_statement_alone() -> None:
    adapter = SqliteAdapter(SqliteParams(), DatabaseSettings(min_free_disk=1 << 50))
    await adapter.connect("")
    with pytest.raises(StatementError, match="nearly full"):
        await run(adapter, SORT)
    assert await run(adapter, "select 1") == [("1",)]
    await adapter.close()


def test_the_disk_is_looked_at_seldom() -> None:
    looks, now = [], 100.0

    def free() -> int:
        looks.append(now)
        return 10

    guard = DiskGuard(11, free, lambda: now)
    assert guard.is_short()
    assert not guard.is_short()
    now += PERIOD
    assert guard.is_short()
    assert len(looks) == 2
    assert not DiskGuard(10, free, lambda: now).is_short()


async def test_one_session_too_many_is_told() -> None:
    await until(lambda: client_thread._running == 0)
    limits = DatabaseSettings(max_threads=1)
    first, second = (SqliteAdapter(SqliteParams(), limits) for _ in range(2))
    await first.connect("")
    with pytest.raises(BusyError):
        await second.connect("")
    await first.close()
    await until(lambda: client_thread._running == 0)
    await second.connect("")
    await second.close()


GREEDY = """
import asyncio
from guacr.settings.models import DatabaseSettings
from handlers.database.sqlite.adapter import SqliteAdapter
from handlers.database.params import SqliteParams
from tests.handlers.database.sqlite.test_bounds import run

async def main():
    limits = DatabaseSettings(sqlite_memory=16 << 20, max_threads=8)
    sessions = []
    for number in range(8):  # each of which gets what it is allowed, and keeps it
        session = SqliteAdapter(SqliteParams(database=":sample:"), limits)
        await session.connect("")
        await run(session, "create table t (a)")
        await run(session, "begin")
        for _ in range(30):
            await run(session, "insert into t values (randomblob(100000))")
        for _ in range(10):
            await run(session, f"select '{'x' * 1_000_000}'")
        sessions.append(session)
    for session in sessions:
        assert await run(session, "select count(*) from t") == [("30",)]
        await session.close()

asyncio.run(main())
"""


def test_sessions_that_fill_their_shares_keep_nobody_from_starting() -> None:
    done = subprocess.run(
        [sys.executable, "-c", GREEDY], capture_output=True, text=True, check=False, timeout=50
    )
    assert done.returncode == 0, done.stderr


MEMORY = """
import asyncio, resource
from guacr.settings.models import DatabaseSettings
from handlers.database.adapter import StatementError
from handlers.database.sqlite.adapter import SqliteAdapter
from handlers.database.params import SqliteParams
from tests.handlers.database.sqlite.test_bounds import run

STATEMENTS = [
    "select " + ", ".join(["randomblob(16000000)"] * 200),
    "create table t as with recursive n(i) as (select 1 union all select i + 1 from n) "
    "select randomblob(1000000) from n",
]

async def main():
    limits = DatabaseSettings(sqlite_memory=64 << 20)
    adapter, other = SqliteAdapter(SqliteParams(), limits), SqliteAdapter(SqliteParams(), limits)
    await adapter.connect("")
    await other.connect("")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    failures = []
    for statement in STATEMENTS:
        try:
            await run(adapter, statement)
        except StatementError as error:
            failures.append(str(error)[:30])
    assert len(failures) == 2, failures
    late = SqliteAdapter(SqliteParams(), limits)
    await late.connect("")  # while the first one holds what it could get
    for session in (other, late):
        assert await run(session, "select 1") == [("1",)]
    await late.close()
    await adapter.close()
    await other.close()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200 << 10, f"{grown} KiB"
    print(failures)

asyncio.run(main())
"""


def test_the_memory_of_all_sessions_is_bounded() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=False, timeout=50
    )
    assert done.returncode == 0, done.stderr
    assert "out of memory" in done.stdout
