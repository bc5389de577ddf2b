from __future__ import annotations

import pytest

from guacr.tubes.breaker import OPEN_FOR, SUCCESSES, CircuitBreaker, CircuitState
from guacr.tubes.errors import CircuitOpenError


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def is_healthy(breaker: CircuitBreaker) -> bool:
    return breaker.is_healthy


def state(breaker: CircuitBreaker) -> CircuitState:
    return breaker.state


def fail(breaker: CircuitBreaker, kind: str = "sdp", count: int = 1) -> None:
    for _ in range(count):
        with pytest.raises(KeyError), breaker.operation(kind):
            raise KeyError(kind)


def succeed(breaker: CircuitBreaker, count: int = 1) -> None:
    for _ in range(count):
        with breaker.operation("sdp"):
            pass


def test_failures_in_a_row_open_it() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock)
    fail(breaker, count=4)
    assert is_healthy(breaker)

    fail(breaker)

    assert not is_healthy(breaker)
    clock.now += 10
    with (
        pytest.raises(CircuitOpenError, match=r"failed 5 times in a row: try again in 20 s"),
        breaker.operation("sdp"),
    ):
        pytest.fail("this is not carried out")


def test_a_success_between_them_does_not() -> None:
    breaker = CircuitBreaker(Clock())

    for _ in range(10):
        fail(breaker, count=4)
        succeed(breaker)

    assert is_healthy(breaker)


def test_kinds_have_limits_of_their_own() -> None:
    breaker = CircuitBreaker(Clock())

    fail(breaker, "ice", 7)
    fail(breaker, "dtls", 4)
    assert is_healthy(breaker)
    fail(breaker, "ice")

    assert not is_healthy(breaker)
    assert breaker.stats()["error_type_triggered_opens"] == {"ice": 1}


def test_it_closes_after_some_successes() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock)
    fail(breaker, count=5)
    clock.now += OPEN_FOR
    assert state(breaker) is CircuitState.HALF_OPEN

    succeed(breaker, SUCCESSES - 1)
    assert state(breaker) is CircuitState.HALF_OPEN
    succeed(breaker)

    assert state(breaker) is CircuitState.CLOSED
    fail(breaker, count=4)
    assert is_healthy(breaker)


def test_a_failure_after_the_wait_opens_it_again() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock)
    fail(breaker, count=5)
    clock.now += OPEN_FOR

    fail(breaker)

    assert not is_healthy(breaker)
    assert breaker.stats()["circuit_opens"] == 2


def test_the_counts() -> None:
    breaker = CircuitBreaker(Clock())
    succeed(breaker, 2)
    fail(breaker, "ice")
    with pytest.raises(TimeoutError), breaker.operation("dtls"):
        raise TimeoutError

    assert breaker.stats() == {
        "state": "Closed (failures: 2)",
        "total_requests": 4,
        "successful_requests": 2,
        "failed_requests": 2,
        "circuit_opens": 0,
        "circuit_closes": 0,
        "timeouts": 1,
        "error_type_counts": {"ice": 1, "dtls": 1},
        "error_type_triggered_opens": {},
        "current_error_type_failures": {"ice": 1, "dtls": 1},
    }
