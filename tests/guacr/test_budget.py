"""Parts of a budget."""

from __future__ import annotations

import pytest

from guacr.budget import Budget
from guacr.errors import OverrunError
from guacr.settings.models import Settings


def test_what_is_too_much_takes_nothing() -> None:
    budget = Budget(100, "session.max_memory")
    budget.take(60, "a picture")
    with pytest.raises(OverrunError) as caught:
        budget.take(41, "a picture")
    assert str(caught.value) == (
        "a picture needs 41 bytes, of which 40 are left (session.max_memory): end or shrink "
        "something else first"
    )
    budget.take(40, "a picture")
    assert budget.used == 100


def test_what_is_given_back_is_free() -> None:
    budget = Budget(100, "session.max_memory")
    budget.take(100, "a picture")
    budget.give_back(30)
    budget.take(30, "a picture")
    budget.take(-50, "a smaller picture")
    assert budget.used == 50


@pytest.mark.parametrize(
    ("wanted", "allowed"),
    [
        ((1024, 768), (1024, 768)),
        ((7680, 4320), (7680, 4320)),
        ((8192, 8192), (5792, 5792)),
        ((100_000, 10), (8192, 10)),
        ((1, 100_000), (1, 8192)),
    ],
)
def test_the_largest_window(wanted: tuple[int, int], allowed: tuple[int, int]) -> None:
    assert Settings().largest_window(*wanted) == allowed


def test_a_small_budget_makes_a_small_window() -> None:
    settings = Settings.model_validate({"session": {"max_memory": 16_777_216}})
    width, height = settings.largest_window(8192, 4096)
    assert width * height * 16 <= 16_777_216
    assert width == pytest.approx(2 * height, abs=2)
