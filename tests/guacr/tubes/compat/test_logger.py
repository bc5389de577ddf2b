from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from guacr.tubes import initialize_logger, set_verbose_logging
from guacr.tubes.compat.logger import NAME, _forwarder

NAMES = ("guacr.tubes", "aioice")


@pytest.fixture(autouse=True)
def levels() -> Iterator[None]:
    before = {name: logging.getLogger(name).level for name in (*NAMES, NAME)}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)
    tubes = logging.getLogger("guacr.tubes")
    tubes.removeHandler(_forwarder)
    tubes.propagate = True


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


def test_callers_set_levels_of_the_other_name(caplog: pytest.LogCaptureFixture) -> None:
    """Commander does so after `initialize_logger`, to have nothing but errors."""
    log = logging.getLogger("guacr.tubes.rtc.peer")
    caplog.set_level(logging.INFO)
    initialize_logger("keeper-pam-webrtc-rs", False, logging.INFO)
    log.info("%d was told", 1)
    logging.getLogger(NAME).setLevel(logging.ERROR)
    log.warning("2 was not")
    log.error("3 was told")

    assert [(one.name, one.getMessage()) for one in caplog.records] == [
        ("keeper_pam_webrtc_rs.rtc.peer", "1 was told"),
        ("keeper_pam_webrtc_rs.rtc.peer", "3 was told"),
    ]


def test_verbose_and_back() -> None:
    set_verbose_logging(True)
    assert found() == [logging.DEBUG, logging.DEBUG]

    set_verbose_logging(False)
    assert found() == [logging.NOTSET, logging.WARNING]
