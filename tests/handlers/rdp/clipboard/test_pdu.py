"""The messages of the clipboard's channel."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rdp.clipboard import pdu
from handlers.rdp.clipboard.pdu import (
    Capabilities,
    DataRequest,
    DataResponse,
    FileRequest,
    FileResponse,
    FormatList,
    Lock,
    MonitorReady,
    PduError,
    ServerPdu,
    Unlock,
)

NUMBER = st.integers(0, 0xFFFFFFFF)
NAMES = st.text(st.characters(min_codepoint=0x41, max_codepoint=0x4E00, exclude_categories=["Cs"]))


def parse(message: bytes, *, long_names: bool = True) -> ServerPdu | None:
    return pdu.parse(message, long_names=long_names)


@given(st.dictionaries(NAMES.filter(bool), NUMBER, max_size=20))
def test_formats_survive(formats: dict[str, int]) -> None:
    assert parse(pdu.format_list(formats, long_names=True)) == FormatList(formats)
    short = pdu.format_list({name[:8]: number for name, number in formats.items()}, long_names=True)
    assert isinstance(parse(short), FormatList)


def test_formats_without_names_have_their_number() -> None:
    formats = {"13": 13, "HTML Format": 0xC009}
    for long_names in (True, False):
        message = pdu.format_list(formats, long_names=long_names)
        assert parse(message, long_names=long_names) == FormatList(formats)


def test_short_names() -> None:
    message = pdu.format_list({"FileGroupDescriptorW": 1}, long_names=False)
    assert len(message) == pdu.HEADER.size + 36
    assert parse(message, long_names=False) == FormatList({"FileGroupDescrip"[:15]: 1})
    body = (5).to_bytes(4, "little") + b"HTML Format".ljust(32, b"\0")
    found = parse(pdu.HEADER.pack(2, pdu.ASCII_NAMES, len(body)) + body, long_names=False)
    assert found == FormatList({"HTML Format": 5})


def test_a_list_has_a_limit() -> None:
    formats = {str(number): number for number in range(1, pdu.FORMATS_MAX + 2)}
    found = parse(pdu.format_list(formats, long_names=True))
    assert isinstance(found, FormatList)
    assert list(found.formats.values()) == list(range(1, pdu.FORMATS_MAX + 1))


@given(NUMBER, st.binary())
def test_data_survives(number: int, data: bytes) -> None:
    assert parse(pdu.data_request(number)) == DataRequest(number)
    response = DataResponse(memoryview(data), is_cut=False)
    assert parse(pdu.data_response(data)) == response
    assert parse(pdu.data_response(data) + b"\0\0\0\0") == response
    assert parse(pdu.data_response(None)) == DataResponse(None, is_cut=False)
    assert parse(pdu.file_response(number, data)) == FileResponse(number, data)
    assert parse(pdu.file_response(number, None)) == FileResponse(number, None)


@given(NUMBER, st.integers(-(1 << 31), (1 << 31) - 1), NUMBER, st.integers(0, (1 << 64) - 1))
def test_requests_for_files_survive(stream: int, index: int, size: int, offset: int) -> None:
    for lock in (0, 7):
        message = pdu.file_request(stream, index, pdu.FILE_RANGE, offset, size, lock)
        expected = FileRequest(stream, index, pdu.FILE_RANGE, offset, size, lock or None)
        assert parse(message) == expected
    assert pdu.size_of(pdu.file_size(offset)) == offset


def test_the_beginning() -> None:
    assert parse(pdu.HEADER.pack(pdu.MONITOR_READY, 0, 0)) == MonitorReady()
    assert parse(pdu.capabilities(pdu.LONG_NAMES)) == Capabilities(pdu.LONG_NAMES)
    empty = pdu.HEADER.pack(pdu.CAPABILITIES, 0, 4) + b"\0\0\0\0"
    assert parse(empty) == Capabilities(0)
    assert parse(pdu.list_response()) is None
    assert parse(pdu.lock(1)) == Lock(1)
    assert parse(pdu.unlock(1)) == Unlock(1)
    assert parse(pdu.HEADER.pack(77, 0, 0)) is None


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\1\0\0\0\0\0\0",
        pdu.HEADER.pack(pdu.DATA_RESPONSE, pdu.DONE, 2) + b"1",
        pdu.HEADER.pack(pdu.DATA_REQUEST, 0, 3) + b"123",
        pdu.HEADER.pack(pdu.FILE_RESPONSE, pdu.DONE, 0),
        pdu.HEADER.pack(pdu.CAPABILITIES, 0, 4) + b"\xff\xff\0\0",
    ],
)
def test_incomplete_messages(message: bytes) -> None:
    with pytest.raises(PduError):
        parse(message)
    with pytest.raises(PduError):
        pdu.size_of(b"1234567")


@given(st.binary(max_size=200), st.booleans(), st.booleans())
def test_any_bytes(data: bytes, long_names: bool, is_cut: bool) -> None:
    with contextlib.suppress(PduError):
        pdu.parse(data, long_names=long_names, is_cut=is_cut)
