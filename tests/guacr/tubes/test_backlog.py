"""The limits of what connections leave."""

from __future__ import annotations

from guacr.tubes.backlog import WINDOW_FIRST, WINDOW_MAX, Backlog, BacklogLimits, Total

LIMITS = BacklogLimits(connection=100, tube=1000, share=300)


def test_a_tube_is_full_beyond_its_limit() -> None:
    one = Backlog(LIMITS)
    found = []
    for change in (1000, 1, -1):
        one.change(change)
        found.append(one.is_full)

    assert found == [False, True, False]


def test_beyond_the_limit_of_all_tubes_each_has_its_share() -> None:
    total = Total(1500)
    tubes = [Backlog(LIMITS, total) for _ in range(3)]
    found = []
    for number, change in ((0, 1000), (1, 300), (2, 200), (2, 1), (1, 1), (0, -900)):
        tubes[number].change(change)
        found.append([one.is_full for one in tubes])

    assert found == [
        [False, False, False],
        [False, False, False],
        [False, False, False],
        [True, False, False],
        [True, True, False],
        [False, False, False],
    ]


def test_windows_share_the_limit_of_the_tube() -> None:
    one = Backlog()
    assert one.window == WINDOW_MAX
    one.connections = 8
    assert one.window == WINDOW_MAX
    one.connections = 16
    assert one.window == WINDOW_MAX // 2
    one.connections = 4096
    assert one.window == WINDOW_FIRST
