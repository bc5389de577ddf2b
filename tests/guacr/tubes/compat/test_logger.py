from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from guacr.tubes import initialize_logger, set_verbose_logging

NAMES = ("guacr.tubes", "aioice")


@pytest.fixture(autouse=True)
def levels() -> Iterator[None]:
    before = {name: logging.getLogger(name).level for name in NAMES}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def found() -> list[int]:
    return [logging.getLogger(name).level for name in NAMES]


@pytest.mark.parametrize(
    ("verbose", "level", "expected"),
    [
        (None, logging.INFO, [logging.INFO, logging.WARNING]),
        (False, logging.ERROR, [logging.ERROR, logging.ERROR]),
        (True, logging.INFO, [logging.DEBUG, logging.DEBUG]),
    ],
)
def test_levels(verbose: bool | None, level: int, expected: list[int]) -> None:
    for _ in range(2):  # callers do it before each use
        initialize_logger(logger_name="keeper-pam-webrtc-rs", verbose=verbose, level=level)

        assert found() == expected


def test_verbose_and_back() -> None:
    set_verbose_logging(True)
    assert found() == [logging.DEBUG, logging.DEBUG]

    set_verbose_logging(False)
    assert found() == [logging.NOTSET, logging.WARNING]
