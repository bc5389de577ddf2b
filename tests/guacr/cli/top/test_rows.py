"""Rates, filters and the order of rows."""

from __future__ import annotations

from dataclasses import replace

from guacr.cli.top.rows import (
    CELL_MAX,
    COLUMNS,
    SORTED_FIRST,
    Rates,
    chosen,
    details,
    hidden,
    shown,
    worker_line,
)
from guacr.control.info import SessionInfo, WorkerInfo

ONE = SessionInfo(
    id="$1",
    protocol="ssh",
    host="alpha",
    username="root",
    connection="",
    client="192.0.2.1",
    subject="ann",
    since=100.0,
    received=1000,
    sent=5000,
    worker="1",
    users=(),
)
TITLES = [column.title for column in COLUMNS]


def test_rates_are_those_between_two_looks() -> None:
    rates = Rates()
    (first,) = rates.rows([ONE], now=10.0, wall=160.0)
    assert (first.receiving, first.sending, first.age) == (0, 0, 60)
    later = replace(ONE, received=1400, sent=9000)
    (second, new) = rates.rows([later, replace(ONE, id="$2")], now=14.0, wall=164.0)
    assert (second.receiving, second.sending) == (100, 1000)
    assert (new.receiving, new.sending) == (0, 0), "its bytes may be old"


def test_a_daemon_that_began_anew_has_no_negative_rates() -> None:
    rates = Rates()
    rates.rows([ONE], now=10.0, wall=160.0)
    (row,) = rates.rows([replace(ONE, received=0, sent=0)], now=12.0, wall=90.0)
    assert (row.receiving, row.sending, row.age) == (0, 0, 0)


def test_numbers_fall_and_texts_rise_unless_reversed() -> None:
    sessions = [replace(ONE, id=f"${n}", host=host, sent=n) for n, host in enumerate("bAc")]
    rows = Rates().rows(sessions, now=1.0, wall=100.0)
    by_sent, by_host = TITLES.index("OUT"), TITLES.index("HOST")
    assert [r.session.sent for r in chosen(rows, "", by_sent, reverse=False)] == [2, 1, 0]
    assert [r.session.sent for r in chosen(rows, "", by_sent, reverse=True)] == [0, 1, 2]
    assert [r.session.host for r in chosen(rows, "", by_host, reverse=False)] == ["A", "b", "c"]
    assert TITLES[SORTED_FIRST] == "OUT/S"


def test_a_filter_looks_at_all_texts() -> None:
    rows = Rates().rows([ONE, replace(ONE, id="$2", host="beta")], now=1.0, wall=100.0)
    assert [r.session.id for r in chosen(rows, "BET", 0, reverse=False)] == ["$2"]
    assert len(chosen(rows, "192.0.2", 0, reverse=False)) == 2
    assert chosen(rows, "gamma", 0, reverse=False) == []


def test_texts_of_peers_control_no_terminal() -> None:
    assert shown("a\x1b[2J") == "a\\x1b[2J"
    assert len(shown("x" * 1000)) == CELL_MAX


def test_columns_beyond_the_screen_are_named() -> None:
    columns = [("ID", 5), ("A", 10), ("B", 10), ("C", 10)]
    assert hidden(columns, 0, 35) == ""
    assert hidden(columns, 0, 34) == "C →"
    assert hidden(columns, 0, 20) == "B, C →"
    assert hidden(columns, 1, 26) == "← A   C →"
    assert hidden(columns, 10, 25) == "← A"
    assert hidden([], 0, 80) == ""


def test_workers_have_a_name_if_there_are_several() -> None:
    worker = WorkerInfo(
        name="10",
        pid=4321,
        state="ready",
        since=0.0,
        sessions=2,
        users=3,
        loop_lag=0.001,
        memory=1024,
    )
    assert worker_line(worker).startswith("worker 10  pid 4321  ready  sessions 2  users 3")
    assert worker_line(replace(worker, name="")).startswith("worker  pid 4321")
    assert "worker 1" in details(ONE)[1]
