"""Pieces of messages."""

from __future__ import annotations

import pytest

from guacr.errors import clause


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("Connection refused.", "connection refused"),
        ("PTY request\nfailed.", "PTY request failed"),
        ("TLS is required", "TLS is required"),
        ("", ""),
    ],
)
def test_a_librarys_sentence_becomes_a_part_of_ours(text: str, part: str) -> None:
    assert clause(text) == part


def test_what_a_peer_says_steers_no_terminal() -> None:
    assert clause("\x1b[31mGo away\r\n\u202e\x9b") == "\\x1b[31mGo away \\u202e\\x9b"
