"""The spans that requests name, and those of clients without a session of their own."""

from __future__ import annotations

import pytest

from guacr.telemetry.spans import TRACEPARENT_MAX, Parent, arriving, parent_of

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize("header", [VALID, f" {VALID}\t", f"cc-{TRACE}-{SPAN}-01-what-comes-later"])
def test_spans_of_other_programs(header: str) -> None:
    assert parent_of(header) == Parent(int(TRACE, 16), int(SPAN, 16), 1)


@pytest.mark.parametrize(
    "header",
    [
        "",
        VALID.upper(),
        f"ff-{TRACE}-{SPAN}-01",
        f"{VALID}-more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"{VALID},{VALID}",
        f"cc-{TRACE}-{SPAN}-01-{'x' * TRACEPARENT_MAX}",
    ],
)
def test_headers_that_name_none(header: str) -> None:
    assert parent_of(header) is None


def test_steps_of_a_client_that_joins_or_is_refused() -> None:
    span = arriving("refuse", 1, 3, 7, {"a": 1}, failed=True)
    assert (span.begun, span.ended, span.failed) == (1, 7, True)
    assert [(one.name, one.begun, one.ended) for one in span.children] == [
        ("accept", 1, 3),
        ("handshake", 3, 7),
    ]
    assert arriving("refuse", 0, 0, 7, {}).begun == 7
