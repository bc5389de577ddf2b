"""Tokens in the names of recordings."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guacr.recording.files import check_name
from guacr.recording.names import (
    DEFAULT,
    before_tokens,
    fill,
    is_new_each_time,
    unknown,
    values_of,
)

SESSION = "$2b0d5a4e-7b0c-4f6e-9d3a-0a1b2c3d4e5f"
NOW = datetime(2026, 11, 29, 8, 5, 3, tzinfo=UTC)


def filled(text: str, person: str = "ann") -> str:
    return fill(text, values_of(SESSION, person, NOW))


def test_the_tokens_of_apache_guacamole() -> None:
    assert filled("${GUAC_DATE}_${GUAC_TIME} ${GUAC_USERNAME}") == "20261129_080503 ann"
    assert filled("/r/${HISTORY_UUID}/x") == f"/r/{SESSION[1:]}/x"
    assert filled("$${GUAC_DATE} ${GUAC_OTHER} $GUAC_TIME ${") == (
        "${GUAC_DATE} ${GUAC_OTHER} $GUAC_TIME ${"
    )
    assert filled(DEFAULT) == f"20261129-080503-{SESSION[1:]}"


@pytest.mark.parametrize(
    ("person", "name"),
    [
        ("", "anonymous"),
        ("ann@example.com", "ann@example.com"),
        ("Jörg", "Jörg"),
        ("..", "%2E."),
        ("../../etc", "%2E.%2F..%2Fetc"),
        ("a/b", "a%2Fb"),
        ("a%2Fb", "a%252Fb"),
        ("a\ud800", "a%3F"),
        ("${GUAC_DATE}", "%24%7BGUAC_DATE%7D"),
    ],
)
def test_a_person_is_one_directory(person: str, name: str) -> None:
    assert filled("${GUAC_USERNAME}", person) == name


@settings(max_examples=50)
@given(st.text(max_size=12))
def test_every_person_can_be_a_name(person: str) -> None:
    check_name(filled("${GUAC_USERNAME}", person))


def test_what_a_name_contains() -> None:
    assert is_new_each_time("/r/${HISTORY_UUID}/recording")
    assert is_new_each_time("${GUAC_TIME}")
    assert not is_new_each_time("${GUAC_DATE}-${GUAC_USERNAME} $${GUAC_TIME}")
    assert unknown("${GUAC_DATE} ${GUAC_CLIENT_HOSTNAME} $${NO}") == ["${GUAC_CLIENT_HOSTNAME}"]
    assert before_tokens("/srv/${GUAC_DATE}/x") == "/srv"
    assert before_tokens("/srv/a-${GUAC_DATE}") == "/srv"
    assert before_tokens("/${GUAC_DATE}") == "/"
    assert before_tokens("/srv/x") == "/srv/x"
