"""Selections of sessions, and lists in parts."""

from __future__ import annotations

import pytest

from guacr.control.info import SessionInfo, UserInfo
from guacr.errors import BadRequestError
from guacr.operators.filters import LIMIT_MAX, TEXT_MAX, Query


def session(number: int, **values: str) -> SessionInfo:
    user = UserInfo(
        id="@1",
        name="Firefox",
        client="10.0.0.9",
        subject="bob",
        owner=True,
        read_only=False,
        since=0,
        received=0,
        sent=0,
    )
    texts = {
        "protocol": "ssh",
        "host": "example.com:22",
        "username": "root",
        "connection": "",
        "client": "10.0.0.1",
        "subject": "ann",
        "worker": "",
    }
    return SessionInfo(
        id=f"${number:08x}",
        since=1000.25 + number // 2,
        received=0,
        sent=0,
        users=(user,),
        **(texts | values),
    )


SESSIONS = [session(3, protocol="vnc"), session(0), session(1, host="other:22"), session(2)]


def ids(query: Query) -> list[int]:
    return [int(one.id[1:], 16) for one in query.page(SESSIONS).sessions]


def test_the_oldest_are_first() -> None:
    page = Query().page(SESSIONS)
    assert ids(Query()) == [0, 1, 2, 3]
    assert (page.total, page.next) == (4, "")


def test_filters_compare_and_search_contains() -> None:
    assert ids(Query(fields={"protocol": "vnc"})) == [3]
    assert ids(Query(fields={"protocol": "ssh", "host": "other:22"})) == [1]
    assert ids(Query(fields={"host": "other"})) == []
    assert ids(Query(search="OTHER")) == [1]
    assert ids(Query(search="fireFOX")) == [0, 1, 2, 3]
    assert ids(Query(search="$00000002")) == [2]
    assert ids(Query(search="nothing")) == []


def test_a_list_comes_in_parts_also_if_sessions_end_in_the_meantime() -> None:
    first = Query(limit=2).page(SESSIONS)
    assert [one.id for one in first.sessions] == ["$00000000", "$00000001"]
    assert first.total == 4
    left = [one for one in SESSIONS if one.id != "$00000001"]
    second = Query(limit=2, after=first.next).page(left)
    assert [one.id for one in second.sessions] == ["$00000002", "$00000003"]
    assert second.next == ""


@pytest.mark.parametrize(
    "values",
    [
        {"fields": {"password": "x"}},
        {"search": "x" * (TEXT_MAX + 1)},
        {"fields": {"host": "x" * (TEXT_MAX + 1)}},
        {"limit": 0},
        {"limit": LIMIT_MAX + 1},
        {"after": "$1"},
        {"after": "1e9$1"},
        {"after": "1$x"},
    ],
)
def test_other_values_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(BadRequestError):
        Query(**values)  # type: ignore[arg-type]
    Query(search="x" * TEXT_MAX, limit=LIMIT_MAX)
