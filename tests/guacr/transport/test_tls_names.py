"""The names in certificates."""

from typing import Any

import pytest

from guacr.transport.tls_names import NAME_MAX, NAMES_MAX, names_of

SUBJECT = ((("organizationName", "x"),), (("commonName", "ann"),))


@pytest.mark.parametrize(
    ("certificate", "names"),
    [
        (None, ()),
        ({}, ()),
        ({"subject": SUBJECT}, ("ann",)),
        ({"subject": SUBJECT, "subjectAltName": (("DNS", "a.example"),)}, ("a.example",)),
        (
            {"subjectAltName": (("email", "a@b"), ("URI", "spiffe://x"), ("IP Address", "::1"),
                                ("DirName", "other"), ("DNS", "a"), ("DNS", "a"))},
            ("a@b", "spiffe://x", "::1", "a"),
        ),
        ({"subject": ((("commonName", "a\0b"),),)}, ()),
        ({"subject": ((("commonName", "a" * (NAME_MAX + 1)),),)}, ()),
    ],
)  # fmt: skip
def test_names(certificate: dict[str, Any] | None, names: tuple[str, ...]) -> None:
    assert names_of(certificate) == names


def test_there_is_a_limit() -> None:
    many = tuple(("DNS", f"a{n}") for n in range(NAMES_MAX + 1))
    assert len(names_of({"subjectAltName": many})) == NAMES_MAX
