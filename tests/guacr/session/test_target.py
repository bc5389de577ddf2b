"""The text of a remote host."""

import pytest

from guacr.session.target import Target


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (Target("example.com:22", "alice"), "alice at example.com:22"),
        (Target("example.com:22"), "example.com:22"),
        (Target(), ""),
        (Target("h" * 80, "u" * 80), f"{'u' * 80} at {'h' * 80}"),
        (Target("h" * 81, "u" * 5000), f"{'u' * 79}… at {'h' * 79}…"),
    ],
)
def test_it_reads_as_a_person_would_write_it(target: Target, text: str) -> None:
    assert str(target) == text
