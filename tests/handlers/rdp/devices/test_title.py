"""The names of printed documents."""

from __future__ import annotations

import pytest

from handlers.rdp.devices.title import DEFAULT, HEAD_MAX, NAME_MAX, SUFFIX, file_name


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b"%%Title: Document1 - Notepad\r\n", "Document1 - Notepad"),
        (b"%%Title:(My \\(first\\) file)\n", "My (first) file"),
        (b"%%Title: (a\\344b)\n", "aäb"),
        (b"%%Title: <4142>\n", "AB"),
        (b"%%Title: <FEFF00E90062>\r%%Pages", "éb"),
        (b"%%Title: <xyz>\n", "_xyz_"),
        ("%%Title: Größe\n".encode(), "Größe"),
        ("%%Title: Größe\n".encode("cp1252"), "Größe"),
        (b"%%Title: report.pdf\n", "report"),
        (b"%%Title: ../../etc/passwd\n", "_.._etc_passwd"),
        (b"%%Title: a\\b:c\x00\x1b[31m\n", "a_b_c[31m"),
        ("%%Title: gnp.\u202efdp\n".encode(), "gnp.fdp"),
        (b"%%Title: " + b"x" * 3000 + b"\n", "x" * NAME_MAX),
        (b"%%Title: \n", DEFAULT),
        (b"%%Title: ...\n", DEFAULT),
        (b"%!PS\n", DEFAULT),
        (b"a %%Title: in a line\n", DEFAULT),
        (b"x" * HEAD_MAX + b"\n%%Title: late\n", DEFAULT),
        (b"", DEFAULT),
    ],
)
def test_names(line: bytes, name: str) -> None:
    head = b"%!PS-Adobe-3.0\n" if line.startswith(b"%%") else b""
    assert file_name(head + line) == name + SUFFIX
