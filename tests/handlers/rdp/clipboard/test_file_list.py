"""Lists of files that were copied."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rdp.clipboard import file_list
from handlers.rdp.clipboard.file_list import (
    DIRECTORIES_MAX,
    FILES_MAX,
    CopiedFile,
    Tree,
    encode,
    parse,
    safe_name,
)

NAME = st.text(st.characters(min_codepoint=0x30, max_codepoint=0x39) | st.sampled_from("aZé語"))
PATH = st.lists(NAME.filter(bool), min_size=1, max_size=3).map(tuple)
SIZES = st.integers(0, (1 << 64) - 1)


@given(st.lists(st.tuples(PATH, SIZES, st.booleans()), max_size=5))
def test_a_list_survives(given_: list[tuple[tuple[str, ...], int, bool]]) -> None:
    files = [CopiedFile(at, path[:3], size, kind) for at, (path, size, kind) in enumerate(given_)]
    files = [file for file in files if len("\\".join(file.path)) < 250]
    assert [file.path for file in parse(encode(files))] == [file.path for file in files]
    assert [(file.size, file.is_directory) for file in parse(encode(files))] == [
        (file.size, file.is_directory) for file in files
    ]


def test_what_the_bytes_are() -> None:
    data = encode([CopiedFile(0, ("ü",), 1 << 33)])
    assert len(data) == 4 + 592
    assert data[:8] == struct.pack("<II", 1, 0x4044)
    assert data[4 + 64 : 4 + 72] == struct.pack("<II", 2, 0)
    assert data[4 + 72 : 4 + 76] == "ü".encode("utf-16-le") + b"\0\0"


@pytest.mark.parametrize(
    "name",
    [
        *("", "..", "a\\..\\b", "../etc/passwd", "\\a", "C:\\a", "a\\", "a\nb", "a|b"),
        "\\".join("a" * 33),
    ],
)
def test_names_that_are_left_out(name: str) -> None:
    files = [CopiedFile(0, (name,), 1), CopiedFile(1, ("good",), 1)]
    assert [(file.index, file.path) for file in parse(encode(files))] == [(1, ("good",))]


def test_a_list_has_a_limit() -> None:
    files = [CopiedFile(at, (str(at),), 1) for at in range(file_list.FILES_MAX + 1)]
    data = encode(files)
    assert len(parse(data[: file_list.SIZE_MAX])) == file_list.FILES_MAX
    assert len(parse(data)) == file_list.FILES_MAX
    assert parse(struct.pack("<I", 0xFFFFFFFF) + data[4:600]) == files[:1]
    assert parse(b"123") == parse(data[:595]) == []


def test_a_size_that_the_list_does_not_have() -> None:
    data = bytearray(encode([CopiedFile(0, ("a",), 7)]))
    data[4:8] = bytes(4)
    assert parse(bytes(data)) == [CopiedFile(0, ("a",), None)]


def test_a_tree() -> None:
    tree = Tree(
        [
            CopiedFile(0, ("a",), 1),
            CopiedFile(1, ("d", "e", "f"), 2),
            CopiedFile(2, ("d",), None, is_directory=True),
            CopiedFile(3, ("empty",), None, is_directory=True),
            CopiedFile(4, ("a", "b"), 3),  # a is a file
            CopiedFile(5, ("a",), 4),
            CopiedFile(6, ("d", "e"), 5),  # e is a directory
        ]
    )
    assert tree.directories == {
        (): {"a": False, "d": True, "empty": True},
        ("d",): {"e": True},
        ("d", "e"): {"f": False},
        ("empty",): {},
    }
    indices = {path: file.index for path, file in tree.files.items()}
    assert indices == {("a",): 0, ("d", "e", "f"): 1}


def test_a_tree_with_many_directories_is_cut() -> None:
    files = [
        CopiedFile(0, ("a",), 1),
        *(CopiedFile(number, (str(number), *"deep", "file"), 1) for number in range(1, FILES_MAX)),
        CopiedFile(FILES_MAX, ("b",), 1),
    ]
    tree = Tree(files)
    assert len(tree.directories) <= DIRECTORIES_MAX + 1
    assert {("a",), ("b",), ("1", *"deep", "file")} <= tree.files.keys()
    assert all(path[:-1] in tree.directories for path in tree.files)


@given(st.binary(max_size=1500))
def test_any_bytes(data: bytes) -> None:
    tree = Tree(parse(struct.pack("<I", 2) + data))
    assert all(path[:-1] in tree.directories for path in tree.files)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\a.exe", "a.exe"),
        ("..", "file"),
        ("", "file"),
        ("a\x00b\u0007<:>?.txt", "a_b_____.txt"),
        ("trailing. . ", "trailing"),
        (".profile", ".profile"),
        ("x" * 500 + ".tar", "x" * 189 + ".tar"),
        ("grüße 語.txt", "grüße 語.txt"),
        ("\ud800.txt", "_.txt"),
    ],
)
def test_safe_names(name: str, safe: str) -> None:
    assert safe_name(name, ()) == safe


def test_names_that_are_taken() -> None:
    assert safe_name("a.txt", ["A.TXT", "a (2).txt"]) == "a (3).txt"
    assert safe_name("a", ["a"]) == "a (2)"


@given(st.text(), st.lists(st.text(max_size=3), max_size=3))
def test_any_name(name: str, taken: list[str]) -> None:
    found = safe_name(name, taken)
    assert found not in taken
    data = encode([CopiedFile(0, (found,), 0)])
    assert parse(data) == [CopiedFile(0, (found,), 0)]
