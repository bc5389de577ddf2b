"""Formats as FreeRDP's own code reads and writes them."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from ctypes import byref, c_char_p, c_uint32, c_void_p, string_at
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from handlers.clipboard import html, images
from handlers.rdp.clipboard import file_list, pdu
from handlers.rdp.clipboard.file_list import CopiedFile
from tests.support.require import missing

LIMIT = 10_000
VERSIONS = ((2, 2), (3, 3))


def library(name: str) -> Any:
    """A library of the installed FreeRDP."""
    for major, version in VERSIONS:
        try:
            return ctypes.CDLL(f"lib{name}{major}.so.{version}")
        except OSError:
            pass
    missing("FreeRDP is not installed")
    raise AssertionError


class Clipboard:
    """A clipboard of WinPR, which converts what is put on it."""

    def __init__(self) -> None:
        winpr = self._winpr = library("winpr")
        winpr.ClipboardCreate.restype = winpr.ClipboardGetData.restype = c_void_p
        winpr.ClipboardRegisterFormat.argtypes = [c_void_p, c_char_p]
        winpr.ClipboardSetData.argtypes = [c_void_p, c_uint32, c_char_p, c_uint32]
        winpr.ClipboardGetData.argtypes = [c_void_p, c_uint32, c_void_p]
        winpr.ClipboardDestroy.argtypes = [c_void_p]
        self._clipboard = winpr.ClipboardCreate()

    def number(self, kind: int | str) -> int:
        if isinstance(kind, int):
            return kind
        found: int = self._winpr.ClipboardRegisterFormat(self._clipboard, kind.encode())
        return found

    def convert(self, data: bytes, kind: int | str, to: int | str) -> bytes:
        put, get = self.number(kind), self.number(to)
        assert self._winpr.ClipboardSetData(self._clipboard, put, data, len(data))
        size = c_uint32()
        where = self._winpr.ClipboardGetData(self._clipboard, get, byref(size))
        assert where
        return string_at(where, size.value)

    def close(self) -> None:
        self._winpr.ClipboardDestroy(self._clipboard)


@pytest.fixture
def clipboard() -> Iterator[Clipboard]:
    made = Clipboard()
    yield made
    made.close()


def test_html_for_a_host(clipboard: Clipboard) -> None:
    made = html.encode("<b>Grüße</b>".encode())
    found = clipboard.convert(made, "HTML Format", "text/html")
    assert "<b>Grüße</b>" in found.decode()
    assert "StartHTML" not in found.decode()


def test_html_of_a_host(clipboard: Clipboard) -> None:
    made = clipboard.convert("<b>Grüße</b>".encode(), "text/html", "HTML Format")
    assert b"StartFragment" in made
    found = html.decode(made, LIMIT).decode()
    assert "<b>Grüße</b>" in found
    assert found.startswith("<")


def test_bitmaps(clipboard: Clipboard) -> None:
    picture = Image.effect_noise((31, 17), 90).convert("RGB")
    bmp, png = BytesIO(), BytesIO()
    picture.save(bmp, "BMP")
    picture.save(png, "PNG")
    there = clipboard.convert(images.to_bitmap(png.getvalue()), 8, "image/bmp")
    assert Image.open(BytesIO(there)).tobytes() == picture.tobytes()
    back = clipboard.convert(bmp.getvalue(), "image/bmp", 8)
    assert Image.open(BytesIO(images.from_bitmap(back))).tobytes() == picture.tobytes()


FILES = [
    CopiedFile(0, ("d",), 0, is_directory=True),
    CopiedFile(1, ("d", "ü.bin"), (1 << 33) + 5),
]


def test_lists_of_files() -> None:
    freerdp = library("freerdp")
    made = file_list.encode(FILES)
    files, count = c_void_p(), c_uint32()
    failed = freerdp.cliprdr_parse_file_list(made, len(made), byref(files), byref(count))
    assert not failed
    assert count.value == len(FILES)
    where, size = c_void_p(), c_uint32()
    flags = pdu.FILES | pdu.HUGE_FILES
    write = freerdp.cliprdr_serialize_file_list_ex
    failed = write(flags, files, count, byref(where), byref(size))
    assert not failed
    back = string_at(where.value or 0, size.value)
    assert file_list.parse(back) == FILES
    libc = ctypes.CDLL(None)
    for block in (files, where):
        libc.free(block)
