"""Messages of signalling: only those that are understood pass."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.errors import BadRequestError, BusyError
from guacr.tubes.service.messages import (
    CANDIDATE_MAX,
    SECRET_MAX,
    Candidate,
    Offer,
    Resume,
    error_message,
    parse,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
MESSAGES = st.fixed_dictionaries(
    {"type": st.sampled_from(["offer", "candidate", "resume", "answer"]) | VALUES},
    optional={"sdp": VALUES, "candidate": VALUES, "secret": VALUES},
)


@pytest.mark.parametrize(
    ("message", "parsed"),
    [
        ({"type": "offer", "sdp": "v=0"}, Offer("v=0")),
        ({"type": "candidate", "candidate": ""}, Candidate("")),
        ({"type": "candidate", "candidate": "x", "sdpMid": "0", "more": 1}, Candidate("x")),
        ({"type": "resume", "secret": "s"}, Resume("s")),
        ({"type": "candidate", "candidate": "x" * CANDIDATE_MAX}, Candidate("x" * CANDIDATE_MAX)),
        ({"type": "resume", "secret": "x" * SECRET_MAX}, Resume("x" * SECRET_MAX)),
    ],
)
def test_what_is_understood(message: dict[str, Any], parsed: object) -> None:
    assert parse(json.dumps(message)) == parsed
    assert parse(json.dumps(message).encode()) == parsed


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ({"type": "candidate", "candidate": "x" * (CANDIDATE_MAX + 1)}, "more than 1024"),
        ({"type": "resume", "secret": "x" * (SECRET_MAX + 1)}, "more than 128"),
        ({"type": "answer", "sdp": "v=0"}, "type 'answer' are unknown"),
        ({"type": "offer"}, "sdp of a signalling message must be a text"),
        ({"sdp": "v=0"}, "must have a type"),
        ([], "must be a JSON object"),
    ],
)
def test_what_is_not_understood(message: object, sentence: str) -> None:
    with pytest.raises(BadRequestError, match=sentence):
        parse(json.dumps(message))


@given(MESSAGES)
def test_any_message_is_understood_or_refused(message: dict[str, Any]) -> None:
    try:
        parsed = parse(json.dumps(message))
    except BadRequestError:
        return
    assert type(parsed).__name__.lower() == message["type"]


@given(st.binary(max_size=64) | st.text(max_size=64))
def test_any_text_is_understood_or_refused(text: bytes | str) -> None:
    with pytest.raises(BadRequestError):
        parse(text)


def test_an_error() -> None:
    told = error_message(BusyError("all 9 WebRTC connections are in use"))
    assert told == {
        "type": "error",
        "message": "all 9 WebRTC connections are in use",
        "status": 513,
    }


def test_no_secret_is_in_a_repr() -> None:
    assert "hidden" not in repr(parse('{"type": "resume", "secret": "hidden"}'))
