"""Counts of sessions, rates and used tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.errors import BusyError, ConflictError, TooManyError, UnauthorizedError
from guacr.limits import book as book_module
from guacr.limits import bucket
from guacr.limits.book import Book, Claim
from guacr.limits.bucket import DEBT_MAX, Buckets
from guacr.limits.refusal import REASONS, SENTENCES, Limit, Refusal, Scope

ANN = Claim(Scope.SUBJECT, "ann", sessions=2)


def test_sessions_up_to_a_limit() -> None:
    book = Book()
    assert book.enter("a", 1, [ANN], 0) is None
    assert book.enter("b", 1, [ANN], 0) is None
    assert book.enter("a", 2, [ANN], 0) == Refusal(Limit.SESSIONS, Scope.SUBJECT, 2)
    assert book.enter("a", 2, [Claim(Scope.SUBJECT, "bob", sessions=2)], 0) is None
    book.leave("a", 1)
    book.leave("a", 1)
    assert book.sessions(Scope.SUBJECT, "ann") == 1
    assert book.enter("a", 3, [ANN], 0) is None


def test_a_refused_session_counts_nowhere() -> None:
    book = Book()
    full = Claim(Scope.ALL, "", sessions=1)
    assert book.enter("a", 1, [full], 0) is None
    assert book.enter("a", 2, [ANN, full], 0) == Refusal(Limit.SESSIONS, Scope.ALL, 1)
    assert book.sessions(Scope.SUBJECT, "ann") == 0


def test_sessions_are_counted_before_there_is_a_limit() -> None:
    book = Book()
    for lease in range(3):
        assert book.enter("a", lease, [Claim(Scope.ADDRESS, "192.0.2.7")], 0) is None
    assert book.enter("a", 3, [Claim(Scope.ADDRESS, "192.0.2.7", sessions=3)], 0) is not None


def test_the_leases_of_an_owner_that_has_ended_are_returned() -> None:
    book = Book()
    for owner in ("a", "b"):
        book.enter(owner, 1, [ANN], 0)
    book.drop("a")
    book.drop("a")
    assert book.sessions(Scope.SUBJECT, "ann") == 1
    book.leave("a", 1)  # late
    assert book.sessions(Scope.SUBJECT, "ann") == 1
    book.leave("b", 1)
    assert not book._sessions
    assert not book._leases


def test_connects_per_second() -> None:
    book = Book()
    claim = Claim(Scope.ADDRESS, "192.0.2.7", connects=2)
    now, lease = 100.0, iter(range(100))
    refusals = [book.enter("a", next(lease), [claim], now) for _ in range(11)]
    assert refusals == [None] * 10 + [Refusal(Limit.CONNECTS, Scope.ADDRESS, 2)]
    assert book.enter("a", next(lease), [claim], now + 0.4) is not None
    assert book.enter("a", next(lease), [claim], now + 0.5) is None
    other = Claim(Scope.ADDRESS, "192.0.2.8", connects=2)
    assert book.enter("a", next(lease), [other], now) is None


def test_a_slow_rate_lets_one_session_pass() -> None:
    book = Book()
    claim = Claim(Scope.ALL, "", connects=0.01)
    assert book.enter("a", 1, [claim], 0) is None
    assert book.enter("a", 2, [claim], 99) is not None
    assert book.enter("a", 2, [claim], 101) is None


def test_refused_sessions_use_no_rate() -> None:
    book = Book()
    full = Claim(Scope.SUBJECT, "ann", sessions=1, connects=0.2)
    assert book.enter("a", 1, [full], 0) is None
    for now in range(6):
        assert book.enter("a", 2, [full], now) == Refusal(Limit.SESSIONS, Scope.SUBJECT, 1)
    book.leave("a", 1)
    assert book.enter("a", 2, [full], 6) is None


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(("enter", "enter", "leave", "drop")),
        st.sampled_from("ab"),
        st.integers(0, 5),
        st.sampled_from(("ann", "bob")),
    ),
    max_size=40,
)


@given(OPERATIONS)
def test_what_is_counted_is_what_is_there(operations: list[tuple[str, str, int, str]]) -> None:
    book, there = Book(), dict[tuple[str, int], str]()
    for what, owner, lease, name in operations:
        if what == "leave":
            book.leave(owner, lease)
            there.pop((owner, lease), None)
        elif what == "drop":
            book.drop(owner)
            there = {key: one for key, one in there.items() if key[0] != owner}
        else:
            claims = [Claim(Scope.SUBJECT, name, sessions=2), Claim(Scope.ALL, "", sessions=3)]
            if book.enter(owner, lease, claims, 0) is None:
                there[owner, lease] = name
        names = list(there.values())
        assert len(names) <= 3
        for one in ("ann", "bob"):
            assert book.sessions(Scope.SUBJECT, one) == names.count(one) <= 2
        assert book.sessions(Scope.ALL) == len(names)


def test_a_token_is_used_once_until_it_expires() -> None:
    book = Book()
    assert book.spend("t", expires=100, now=10) is None
    assert book.spend("t", expires=100, now=99) == Refusal(Limit.ONCE, Scope.TOKEN)
    assert book.spend("u", expires=100, now=10) is None


def test_used_tokens_are_remembered_within_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_module, "SPENT_MAX", 2)
    book = Book()
    assert book.spend("a", expires=20, now=10) is None
    assert book.spend("b", expires=30, now=10) is None
    assert book.spend("c", expires=30, now=10) == Refusal(Limit.SPENT, Scope.ALL)
    assert book.spend("c", expires=30, now=21) is None
    assert book.spend("b", expires=30, now=21) == Refusal(Limit.ONCE, Scope.TOKEN)


def test_bytes_beyond_a_rate_have_to_wait() -> None:
    book = Book()
    assert book.use("ann", 100_000, 100_000, now=0) == 0
    assert book.use("ann", 100_000, 50_000, now=0) == 0.5
    assert book.use("ann", 100_000, 0, now=0.25) == 0.25
    assert book.use("ann", 100_000, 0, now=10) == 0
    assert book.use("bob", 100_000, 50_000, now=0) == 0
    assert book.use("ann", 100_000, 1e12, now=10) == DEBT_MAX


def test_forgotten_buckets_are_those_used_least_recently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "BUCKETS_MAX", 2)
    buckets: Buckets[str] = Buckets(1, 1)
    for name in ("a", "b", "a", "c"):
        buckets.take(name, 1, 0)
    assert len(buckets) == 2
    assert [buckets.has(name, 1, 0) for name in "abc"] == [False, True, False]


def test_every_reason_has_an_error() -> None:
    assert len(set(REASONS)) == len(SENTENCES) + 3
    for limit, scope in SENTENCES:
        refusal = Refusal(limit, scope, 3)
        assert refusal.reason in REASONS
        assert ":" in str(refusal.error())
    assert isinstance(Refusal(Limit.SESSIONS, Scope.ALL, 3).error(), BusyError)
    assert isinstance(Refusal(Limit.SESSIONS, Scope.CONNECTION, 3).error(), ConflictError)
    assert isinstance(Refusal(Limit.ONCE, Scope.TOKEN).error(), UnauthorizedError)
    error = Refusal(Limit.SESSIONS, Scope.SUBJECT, 3).error()
    assert isinstance(error, TooManyError)
    assert str(error) == (
        "you have reached your limit of sessions (3): end one, or try again later"
    )
