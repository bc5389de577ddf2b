"""The messages of the devices' channel."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rdp.devices import functions, pdu
from handlers.rdp.devices.functions import Function, RefusedError, Status
from handlers.rdp.devices.pdu import PduError, Request
from tests.handlers.rdp.devices import asking

U32 = st.integers(0, 2**32 - 1)
ANNOUNCE = bytes.fromhex("7244 6e49 0100 0c00 03000000")
CAPABILITIES = (
    "7244 5053 0200 0000"
    "0200 0800 01000000"  # printers
    "0100 2c00 02000000 02000000 02000000 0100 0c00 ffff0000 00000000 {} 00000000"
    "00000000 02000000"
)


def test_what_a_server_says() -> None:
    assert pdu.parse(ANNOUNCE) == pdu.ServerAnnounce(12, 3)
    assert pdu.parse(bytes.fromhex("7244 4343 0100 0c00 03000000")) == pdu.ClientIdConfirm()
    assert pdu.parse(bytes.fromhex("7244 4c55")) == pdu.LoggedOn()
    reply = bytes.fromhex("7244 7264 02000000 bb0000c0")
    assert pdu.parse(reply) == pdu.DeviceReply(2, Status.NOT_SUPPORTED)


@pytest.mark.parametrize(("flags", "reports"), [("07000000", True), ("03000000", False)])
def test_capabilities(flags: str, reports: bool) -> None:
    message = bytes.fromhex(CAPABILITIES.format(flags))
    assert pdu.parse(message) == pdu.ServerCapabilities(reports)


def test_what_does_not_concern_devices() -> None:
    assert pdu.parse(bytes.fromhex("4e50 4350 04000000")) is None  # settings of a printer
    assert pdu.parse(bytes.fromhex("7244 ffff 0000")) is None


@pytest.mark.parametrize(
    "message",
    [
        ANNOUNCE,
        bytes.fromhex(CAPABILITIES.format("07000000"))[:40],
        bytes.fromhex("7244 7264 02000000 bb0000c0"),
        asking.encoded(asking.request(Function.CLOSE)),
    ],
)
def test_incomplete_messages(message: bytes) -> None:
    for end in range(len(message)):
        with pytest.raises(PduError):
            pdu.parse(message[:end])


def test_a_capability_without_a_size_ends() -> None:
    message = bytes.fromhex("7244 5053 ffff 0000") + bytes(8 * 70)
    assert pdu.parse(message) == pdu.ServerCapabilities(reports_logon=False)


@given(U32, U32, U32, U32, U32, st.binary(max_size=50))
def test_requests(
    device: int, handle: int, number: int, major: int, minor: int, body: bytes
) -> None:
    asked = Request(device, handle, number, major, minor, body)
    assert pdu.parse(asking.encoded(asked)) == asked
    answer = pdu.completion(asked, Status.ACCESS_DENIED, b"rest")
    assert struct.unpack("<HHIII4s", answer) == (
        *(pdu.CORE, pdu.COMPLETION, device, number),
        *(Status.ACCESS_DENIED, b"rest"),
    )


def test_what_the_client_says() -> None:
    assert pdu.announce_reply(12, 3) == bytes.fromhex("7244 4343 0100 0c00 03000000")
    assert pdu.client_name("PC") == bytes.fromhex(
        "7244 4e43 01000000 00000000 06000000 5000 4300 0000"
    )
    general = "0100 2c00 02000000 02000000 00000000 0100 0c00 ffff0000 00000000 07000000"
    assert pdu.capabilities() == bytes.fromhex(
        f"7244 5043 0300 0000 {general} 00000000 00000000 00000000"
        "0200 0800 01000000 0400 0800 02000000"
    )


def test_devices() -> None:
    drive, printer = pdu.drive(2, "GUACFS", "My disk"), pdu.printer(1, "PRN1", "P")
    assert drive == bytes.fromhex("08000000 02000000 4755414346530000 08000000") + b"My disk\0"
    driver = "MS Publisher Imagesetter\0".encode("utf-16-le")
    assert printer == (
        bytes.fromhex("04000000 01000000 50524e3100000000")
        + struct.pack("<IIIIIII", 24 + len(driver) + 4, 6, 0, 0, len(driver), 4, 0)
        + driver
        + "P\0".encode("utf-16-le")
    )
    assert pdu.device_list(drive, printer) == bytes.fromhex("7244 4144 02000000") + drive + printer


def test_names_of_drives_that_windows_does_not_allow() -> None:
    assert pdu.drive(2, "GUACFS", "a:b\\c/d?ü*").endswith(b"a_b_c_d___\0")


def test_long_names_are_cut() -> None:
    assert len(pdu.drive(2, "GUACFS", "x" * 1000)) == 20 + pdu.NAME_MAX + 1
    assert len(pdu.client_name("é" * 1000)) == 16 + 2 * pdu.NAME_MAX + 2


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("", ()),
        ("\\", ()),
        ("\\a\\b.txt", ("a", "b.txt")),
        ("/a//b\\", ("a", "b")),  # xrdp separates by slashes
        ("\\\u00fc\U0001f600", ("\u00fc\U0001f600",)),
        ("\\a\udcff", ("a\udcff",)),  # a byte that is no text
    ],
)
def test_paths(path: str, names: tuple[str, ...]) -> None:
    asked = asking.request(Function.CREATE, asking.create(path))
    assert functions.create(asked).path == names


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("\\..\\etc", Status.OBJECT_NAME_INVALID),
        ("\\a\\..", Status.OBJECT_NAME_INVALID),
        ("\\.", Status.OBJECT_NAME_INVALID),
        ("\\a\0b", Status.OBJECT_NAME_INVALID),
        ("\\a\ud800", Status.OBJECT_NAME_INVALID),
        ("\\" + "x" * 256, Status.NAME_TOO_LONG),
        ("\\" + "\u00fc" * 128, Status.NAME_TOO_LONG),
        ("\\x" * (functions.DEPTH_MAX + 1), Status.NAME_TOO_LONG),
        ("\\" * 2100 + "x", Status.NAME_TOO_LONG),
    ],
)
def test_paths_that_are_not_valid(path: str, status: Status) -> None:
    with pytest.raises(RefusedError) as raised:
        functions.create(asking.request(Function.CREATE, asking.create(path)))
    assert raised.value.status is status


def test_paths_at_the_limits() -> None:
    for path in ("\\" + "x" * 255, "\\x" * functions.DEPTH_MAX):
        functions.create(asking.request(Function.CREATE, asking.create(path)))


def test_more_locks_than_are_read() -> None:
    ranges = [(1, at) for at in range(functions.LOCKS_MAX)]
    asked = asking.request(Function.LOCK, asking.lock(2, *ranges))
    assert functions.lock(asked).ranges == tuple(ranges)
    with pytest.raises(RefusedError):
        functions.lock(asking.request(Function.LOCK, asking.lock(2, *ranges, (1, 100))))
