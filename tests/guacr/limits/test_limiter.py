"""Sessions that exceed a limit: before their host is contacted, with status and sentence."""

import asyncio
from collections.abc import Callable

import pytest

from guacr import refusals
from guacr.errors import BusyError, TooManyError
from guacr.limits import limiter
from guacr.limits.refusal import Scope, counts
from guacr.protocol.status import Status
from guacr.session.origin import Origin, TokenTerms
from guacr.settings.limits import OwnLimits
from tests.guacr.limits.conftest import MakeLimited
from tests.support.loopback import MemoryTransport, frame, sketch, until

ANN = Origin(subject="ann")
ROUTER = Origin(connection="router")
CONNECTIONS = {"router": {"protocol": "sketch", "limits": {"sessions": 1, "users": 2}}}


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiter, "RETRY", 0.01)


async def refusal_of(transport: MemoryTransport) -> tuple[str, str]:
    await until(lambda: transport.closed_with is not None)
    ((sentence, status),) = transport.all("error")
    return sentence, status


@pytest.mark.parametrize(
    ("setting", "origin", "address", "others", "status", "reason"),
    [
        ("sessions_per_address", Origin(), "192.0.2.7", "192.0.2.8", "797", "sessions-address"),
        ("sessions_per_address", Origin(), "2001:db8::1", "::1", "797", "sessions-address"),
        ("sessions_per_subject", ANN, "", "", "797", "sessions-subject"),
        ("sessions_per_connection", ROUTER, "", "", "517", "sessions-connection"),
    ],
)
async def test_sessions_beyond_a_limit(
    make_bench: MakeLimited,
    setting: str,
    origin: Origin,
    address: str,
    others: str,
    status: str,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = make_bench(limits={setting: 1})
    told: list[str] = []
    monkeypatch.setattr(refusals, "observers", [lambda peer, reason: told.append(reason)])
    first, reader = bench.open(origin, address)
    await frame(first)
    second, refused = bench.open(origin, address.replace("::1", "::2"))
    events = sketch(refused.user).events
    sentence, got = await refusal_of(second)
    assert got == status
    assert "limit of sessions (1)" in sentence
    assert told == [sentence]
    assert counts == {reason: 1}
    assert ("run",) not in events
    third, _ = bench.open(Origin(subject="bob", connection="switch"), others)
    await frame(third)
    reader.session.close()
    await until(lambda: not bench.registry._ending)
    fourth, _ = bench.open(origin, address)
    await frame(fourth)


async def test_sessions_of_the_whole_daemon_are_refused_before_they_are_made(
    make_bench: MakeLimited,
) -> None:
    bench = make_bench(server={"max_sessions": 1})
    first, _ = bench.open()
    await frame(first)
    with pytest.raises(BusyError, match="all 1 sessions are in use"):
        bench.open()
    assert counts == {"sessions-all": 1}


async def test_a_session_waits_for_the_end_of_the_one_before(
    make_bench: MakeLimited, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "RETRY", 1.0)  # for as long as the other one may take to end
    bench = make_bench(limits={"sessions_per_subject": 1})
    first, reader = bench.open(ANN)
    await frame(first)
    second, _ = bench.open(ANN)
    await asyncio.sleep(0)  # it has been counted once
    reader.session.close()
    await frame(second)


async def test_operators_who_watch_are_not_users(make_bench: MakeLimited) -> None:
    bench = make_bench(limits={"connects": 0.1}, session={"max_users": 2})
    terms = TokenTerms("id", limits=OwnLimits(users=1))
    first, reader = bench.open(Origin(terms=terms))
    await frame(first)
    for _ in range(2):
        watcher, _ = bench.open(Origin(is_watcher=True), select=reader.session.id)
        await frame(watcher)
    for is_watcher in (True, False):
        with pytest.raises(TooManyError, match="limit of"):
            bench.open(Origin(is_watcher=is_watcher), select=reader.session.id)


@pytest.mark.parametrize("end", ["leaves", "fails", "refused", "cancelled"])
async def test_every_end_returns_the_lease(make_bench: MakeLimited, end: str) -> None:
    bench = make_bench(limits={"sessions_per_subject": 1})
    transport, reader = bench.open(ANN)
    if end == "cancelled":  # before it has been counted
        reader.session.close()
    else:
        await frame(transport)
        ends: dict[str, Callable[[], None]] = {
            "leaves": transport.receiver.connection_lost,
            "fails": lambda: sketch(reader.user).fail(RuntimeError("a bug")),
            "refused": lambda: sketch(reader.user).fail(TooManyError("no")),
        }
        ends[end]()
    await until(lambda: not bench.registry.sessions and not bench.registry._ending)
    assert bench.ledger.book.sessions(Scope.SUBJECT, "ann") == 0


async def test_connects_per_second(make_bench: MakeLimited) -> None:
    bench = make_bench(limits={"connects_per_address": 0.1})
    first, reader = bench.open(address="192.0.2.7")
    await frame(first)
    with pytest.raises(TooManyError, match="too many sessions are being opened from this address"):
        bench.open(address="192.0.2.7")
    joiner, _ = bench.open(address="192.0.2.7", select=reader.session.id)
    assert (await refusal_of(joiner))[1] == "797"
    other, _ = bench.open(address="192.0.2.8", select=reader.session.id)
    await frame(other)
    assert counts == {"connects-address": 2}


async def test_the_strictest_limit_counts(make_bench: MakeLimited) -> None:
    bench = make_bench(limits={"sessions_per_connection": 5}, connections=CONNECTIONS)
    first, reader = bench.open(ROUTER)
    await frame(first)
    second, _ = bench.open(ROUTER)
    assert (await refusal_of(second))[1] == "517"
    joiner, _ = bench.open(select=reader.session.id)
    await frame(joiner)
    with pytest.raises(TooManyError, match="limit of 2 users"):
        bench.open(select=reader.session.id)
    assert counts["users"] == 1


async def test_a_person_is_whom_a_token_or_else_a_certificate_names(
    make_bench: MakeLimited,
) -> None:
    bench = make_bench(limits={"sessions_per_subject": 1})
    first, _ = bench.open(Origin(), "10.0.0.1", "sketch", "ann", "ann@example.com")
    await frame(first)
    for origin, names in ((ANN, ()), (Origin(), ("ann",)), (ANN, ("ben",))):
        second, _ = bench.open(origin, "10.0.0.2", "sketch", *names)
        assert (await refusal_of(second))[0].startswith("you have reached your limit")
    other, _ = bench.open(Origin(subject="ben"), "10.0.0.1", "sketch", "ann")
    await frame(other)
    assert bench.ledger.book.sessions(Scope.SUBJECT, "ann") == 1
    # a token without a subject counts for itself, as well as for the owner of the certificate
    terms = TokenTerms("id", limits=OwnLimits(sessions=1))
    third, _ = bench.open(Origin(terms=terms), "10.0.0.3", "sketch", "cem")
    await frame(third)
    fourth, _ = bench.open(Origin(terms=terms), "10.0.0.3", "sketch", "dan")
    assert (await refusal_of(fourth))[0].startswith("this link has reached its limit")


async def test_limits_of_a_token(make_bench: MakeLimited) -> None:
    terms = TokenTerms("id", limits=OwnLimits(sessions=1, users=1))
    bench = make_bench(limits={"sessions_per_subject": 2})
    for origin in (Origin(subject="ann", terms=terms), Origin(terms=terms)):
        first, reader = bench.open(origin)
        await frame(first)
        with pytest.raises(TooManyError, match="limit of 1 users"):
            bench.open(select=reader.session.id)
        second, _ = bench.open(origin)
        assert (await refusal_of(second))[1] == "797"
    third, _ = bench.open(ANN)  # with another token
    await frame(third)


async def test_a_token_for_one_use(make_bench: MakeLimited) -> None:
    bench = make_bench()
    once = Origin(terms=TokenTerms("id", once_until=4e9))
    first, reader = bench.open(once)
    await frame(first)
    second, _ = bench.open(once)
    sentence, status = await refusal_of(second)
    assert (sentence, status) == (
        "this link works once, and has been used: ask for a new one",
        str(int(Status.CLIENT_UNAUTHORIZED)),
    )
    # a token that joins
    once = Origin(terms=TokenTerms("other", once_until=4e9))
    joiner, joined = bench.open(once, select=reader.session.id)
    reader.session.presentation.messages.set_name("a secret")
    joiner.send("key", 65, 1)
    await frame(joiner)
    await until(lambda: ("key", 65, True) in sketch(reader.user).events)
    late, _ = bench.open(once, select=reader.session.id)
    reader.session.presentation.messages.set_name("another secret")
    late.send("key", 66, 1)
    assert (await refusal_of(late))[1] == "769"
    assert joiner.all("name")[0] == ("a secret",)
    assert {one.opcode for one in late.received} == {"ready", "error", "disconnect"}
    assert ("key", 66, True) not in sketch(reader.user).events
    assert sketch(reader.user).events.count(("joined", False)) == 1
    assert ("left", False) not in sketch(reader.user).events
    assert joined.user in reader.session.users


async def test_a_token_is_not_used_by_a_session_that_is_refused(make_bench: MakeLimited) -> None:
    bench = make_bench(limits={"sessions_per_subject": 1})
    first, reader = bench.open(ANN)
    await frame(first)
    once = Origin(subject="ann", terms=TokenTerms("id", once_until=4e9))
    second, _ = bench.open(once)
    assert (await refusal_of(second))[1] == "797"
    reader.session.close()
    third, _ = bench.open(once)
    await frame(third)
