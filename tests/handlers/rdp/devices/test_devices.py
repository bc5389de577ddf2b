"""What a host is told of devices, and what it is answered, whatever it asks for."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import pytest

from guacr.api import Feature, ForbiddenError, UpstreamError
from handlers.rdp import host_channel
from handlers.rdp.channel.codec import ChannelError
from handlers.rdp.channel.pipes import PipeWritten
from handlers.rdp.devices import (
    channel,
    functions,
    information,
    pdu,
    requests,
    shared_drive,
    watches,
)
from handlers.rdp.devices.drive import DOWNLOADS
from handlers.rdp.devices.functions import Function, Status
from tests.handlers.rdp.devices import asking
from tests.handlers.rdp.devices.host import (
    ANNOUNCE,
    CAPABILITIES,
    CONFIRM,
    LOGGED_ON,
    Host,
    host_of,
    host_with_drive,
)
from tests.support.waiting import until


def kinds(host: Host) -> list[int]:
    """The types of the messages that the host has received since the last call."""
    received, host.received = host.received, []
    return [pdu.HEADER.unpack_from(message)[1] for message in received]


async def open_file(host: Host, path: str, *terms: int, **more: int) -> int:
    answer = await host.ask(Function.CREATE, asking.create(path, *terms, **more))
    return int(struct.unpack("<IB", answer)[0])


async def test_the_introduction(tmp_path: Path) -> None:
    host = Host(enable_drive="true", drive_path=str(tmp_path), client_name="A client's long name")
    await host.devices.open()
    host.connect()
    assert [(offer.name, offer.shows_protocol) for offer in host.offers] == [("rdpdr", True)]
    host.say(ANNOUNCE)
    assert host.received == [pdu.announce_reply(12, 3), pdu.client_name("A client's long")]
    assert kinds(host) == [pdu.CLIENT_ID, pdu.CLIENT_NAME]
    host.say(CAPABILITIES)
    assert kinds(host) == [pdu.CLIENT_CAPABILITIES]
    host.say(CONFIRM)
    assert kinds(host) == []
    host.say(LOGGED_ON)
    drive = pdu.drive(2, "GUACFS", "Guacamole Filesystem")
    assert host.received == [pdu.device_list(drive)]
    await host.close()


async def test_xrdp_reports_the_logon_before_its_capabilities(tmp_path: Path) -> None:
    host = Host(enable_drive="true", drive_path=str(tmp_path))
    await host.devices.open()
    host.connect()
    for message in (ANNOUNCE, LOGGED_ON, CAPABILITIES, CONFIRM):
        host.say(message)
    assert kinds(host)[2:] == [pdu.DEVICES, pdu.CLIENT_CAPABILITIES]
    await host.close()


@pytest.mark.parametrize(
    "messages",
    [
        (bytes.fromhex("7244 6e49 0100 0500 03000000"), CONFIRM),
        (ANNOUNCE, CAPABILITIES.replace(b"\x07\0\0\0", b"\x03\0\0\0"), CONFIRM),
    ],
)
async def test_servers_that_do_not_report_logons(
    messages: tuple[bytes, ...], tmp_path: Path
) -> None:
    host = Host(enable_drive="true", drive_path=str(tmp_path))
    await host.devices.open()
    host.connect()
    for message in messages:
        host.say(message)
    assert kinds(host)[-1] == pdu.DEVICES
    await host.close()


async def test_a_server_that_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with host_with_drive(tmp_path) as host:
        handle = await open_file(host, "\\file")
        for message in (ANNOUNCE, CAPABILITIES, CONFIRM, LOGGED_ON):
            host.say(message)
        status, _ = await host.answer(host.put(Function.READ, asking.read(1), handle))
        assert status == Status.INVALID_HANDLE
        assert await open_file(host, "\\file")


async def test_without_devices_nothing_is_offered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with host_of() as host:
        assert host.offers == []
    host = Host(enable_drive="true", drive_path=str(tmp_path))
    await host.devices.open()
    host.connect(has_drives=False)
    assert host.offers == []
    assert "the gateway's policy forbids drives" in caplog.text
    host.connect()
    assert len(host.offers) == 1
    await host.close()


async def test_devices_that_a_host_refuses(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with host_with_drive(tmp_path) as host:
        host.say(bytes.fromhex("7244 7264 02000000 00000000"))
        assert not caplog.records
        host.say(bytes.fromhex("7244 7264 02000000 bb0000c0"))
        assert "does not accept the drive (status 0xc00000bb)" in caplog.text


async def test_requests_for_unknown_devices(tmp_path: Path) -> None:
    async with host_with_drive(tmp_path) as host:
        for device in (0, 1, 3, 2**32 - 1):
            answer = await host.answer(host.put(Function.CREATE, device=device))
            assert answer == (Status.INVALID_PARAMETER, bytes(5))


async def test_requests_are_answered_in_their_order(tmp_path: Path) -> None:
    async with host_with_drive(tmp_path) as host:
        handle = await open_file(host, "\\file", asking.CREATE, access=asking.WRITE)
        numbers = [
            host.put(Function.WRITE, asking.write(bytes([at]) * 1000, at * 500), handle)
            for at in range(50)
        ]
        numbers += [host.put(Function.CLOSE, bytes(32), handle)]
        await until(lambda: len(host.answers) == len(numbers), "all answers")
        assert list(host.answers) == numbers
        expected = b"".join(bytes([at]) * 500 for at in range(50)) + bytes([49]) * 500
        assert (tmp_path / "file").read_bytes() == expected


async def test_large_reads_and_writes(tmp_path: Path) -> None:
    data = bytes(range(256)) * 8192
    async with host_with_drive(tmp_path) as host:
        handle = await open_file(host, "\\file", asking.CREATE, access=asking.WRITE)
        answer = await host.ask(Function.WRITE, asking.write(data), handle)
        assert answer == struct.pack("<IB", len(data), 0)
        answer = await host.ask(Function.READ, asking.read(len(data)), handle)
        assert answer[4:] == data
        assert host.memory.used == 0


async def test_messages_that_are_too_long(tmp_path: Path) -> None:
    async with host_with_drive(tmp_path) as host:
        handle = await open_file(host, "\\file", asking.CREATE, access=asking.WRITE)
        body = asking.write(bytes(channel.MESSAGE_MAX))
        status, _ = await host.answer(host.put(Function.WRITE, body, handle))
        assert status == Status.INVALID_PARAMETER
        assert (tmp_path / "file").read_bytes() == b""


async def test_the_memory_of_a_session_has_a_limit(tmp_path: Path) -> None:
    async with host_with_drive(tmp_path, memory=100_000) as host:
        handle = await open_file(host, "\\file", asking.CREATE, access=asking.WRITE)
        body = asking.write(bytes(200_000))
        status, _ = await host.answer(host.put(Function.WRITE, body, handle))
        assert status == Status.INVALID_PARAMETER
        await host.ask(Function.WRITE, asking.write(bytes(50_000)), handle)
        await until(lambda: host.memory.used == 0, "the end of both requests")


async def test_requests_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "WAITING_MAX", 4)
    async with host_with_drive(tmp_path) as host:
        handle = await open_file(host, "\\", options=asking.DIRECTORY)
        reads = [host.put(Function.READ, asking.read(1), handle) for _ in range(6)]
        closing = host.put(Function.CLOSE, bytes(32), handle)
        statuses = [(await host.answer(number))[0] for number in reads]
        assert statuses[4:] == [Status.INSUFFICIENT_RESOURCES] * 2
        assert Status.INSUFFICIENT_RESOURCES not in statuses[:4]
        assert (await host.answer(closing))[0] == Status.SUCCESS


async def test_bytes_of_requests_have_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "BYTES_MAX", 10_000)
    async with host_with_drive(tmp_path) as host:
        handle = await open_file(host, "\\file", asking.CREATE, access=asking.WRITE)
        body = asking.write(bytes(6000))
        first, second = (host.put(Function.WRITE, body, handle) for _ in range(2))
        assert (await host.answer(second))[0] == Status.INSUFFICIENT_RESOURCES
        assert (await host.answer(first))[0] == Status.SUCCESS
        await host.ask(Function.WRITE, body, handle)


async def test_a_host_that_reads_nothing_is_sent_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_channel, "QUEUED_MAX", 500_000)
    (tmp_path / "file").write_bytes(bytes(200_000))
    async with host_with_drive(tmp_path) as host:
        handle = await open_file(host, "\\file")
        host.reads.clear()
        numbers = [host.put(Function.READ, asking.read(200_000), handle) for _ in range(20)]
        await until(lambda: host.devices._channel.is_behind, "a full queue")
        await asyncio.sleep(0.05)
        assert host.devices._channel._queued < 1_000_000
        host.reads.set()
        for number in numbers:
            status, content = await host.answer(number)
            assert (status, len(content)) == (Status.SUCCESS, 200_004)


async def test_a_host_that_reads_no_answers(tmp_path: Path) -> None:
    async with host_with_drive(tmp_path) as host:
        host.confirms = False
        for _ in range(host_channel.UNSENT_MAX):
            host.put(Function.READ, asking.read(1), device=9)
        with pytest.raises(UpstreamError, match="reads no answers"):
            host.put(Function.READ, asking.read(1), device=9)


async def test_a_worker_that_has_written_what_nobody_sent(tmp_path: Path) -> None:
    async with host_with_drive(tmp_path) as host:
        with pytest.raises(ChannelError, match="what nobody sent"):
            host.devices.handle(PipeWritten("rdpdr"))


async def test_a_connection_that_ends_amid_requests(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(100_000))
    async with host_with_drive(tmp_path) as host:
        handle = await open_file(host, "\\file")
        for _ in range(20):
            host.put(Function.READ, asking.read(100_000), handle)
        host.devices.end()
        assert host.memory.used == 0
        host.connect()
        for message in (ANNOUNCE, CAPABILITIES, CONFIRM, LOGGED_ON):
            host.say(message)
        assert await open_file(host, "\\file")


async def test_locks_that_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_drive, "LOCK_INTERVAL", 0.01)
    monkeypatch.setattr(shared_drive, "LOCKS_MAX", 2)
    (tmp_path / "file").touch()
    async with host_with_drive(tmp_path) as host:
        access = asking.READ | asking.WRITE
        first, second, third = [await open_file(host, "\\file", access=access) for _ in range(3)]
        await host.ask(Function.LOCK, asking.lock(3, (10, 0)), first)
        body = asking.lock(3, (1, 5), waits=True)
        waiting = [host.put(Function.LOCK, body, handle) for handle in (second, third)]
        status, _ = await host.answer(host.put(Function.LOCK, body, second))
        assert status == Status.INSUFFICIENT_RESOURCES
        await host.ask(Function.READ, asking.read(1), second)  # others do not wait
        await host.ask(Function.CLOSE, bytes(32), third)
        assert (await host.answer(waiting[1]))[0] == Status.INVALID_HANDLE
        assert host.answers == {}
        await host.ask(Function.LOCK, asking.lock(4, (10, 0)), first)
        assert (await host.answer(waiting[0]))[0] == Status.SUCCESS
        await host.ask(Function.CLOSE, bytes(32), second)
        await host.ask(Function.LOCK, asking.lock(3, (10, 0)), first)
        fourth = await open_file(host, "\\file", access=access)
        host.put(Function.LOCK, body, fourth)  # which the end of the connection forgets


# ---- changes


async def test_changes_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "INTERVAL", 0.01)
    (tmp_path / "sub").mkdir()
    async with host_with_drive(tmp_path) as host:
        root, sub = [await open_file(host, path) for path in ("\\", "\\sub")]
        notify = struct.pack("<BI27x", 0, 0xFFF)

        def watch(handle: int) -> int:
            return host.put(Function.DIRECTORY, notify, handle, minor=functions.NOTIFY)

        first, second = watch(root), watch(sub)
        await asyncio.sleep(0.05)
        assert host.answers == {}
        (tmp_path / "sub/new").touch()  # by somebody else
        assert await host.answer(second) == (Status.NOTIFY_ENUM_DIR, bytes(5))
        assert host.answers == {}
        host.devices._drive._watches.note_change()  # type: ignore[union-attr]
        assert (await host.answer(first))[0] == Status.NOTIFY_ENUM_DIR
        third = watch(root)
        await host.ask(Function.CLOSE, bytes(32), root)
        assert (await host.answer(third))[0] == Status.NOTIFY_CLEANUP
        assert (await host.answer(watch(99)))[0] == Status.INVALID_HANDLE


async def test_watches_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "WATCHES_MAX", 2)
    async with host_with_drive(tmp_path) as host:
        root = await open_file(host, "\\")
        body = struct.pack("<BI27x", 0, 0xFFF)
        numbers = [
            host.put(Function.DIRECTORY, body, root, minor=functions.NOTIFY) for _ in range(3)
        ]
        assert (await host.answer(numbers[2]))[0] == Status.INSUFFICIENT_RESOURCES
        assert host.answers == {}


# ---- users


async def test_the_owner_is_sent_downloads(tmp_path: Path) -> None:
    data = bytes(range(256)) * 1000
    async with host_with_drive(tmp_path) as host:
        assert host.owner is not None
        await open_file(host, "\\")
        handle = await open_file(host, f"\\{DOWNLOADS}\\file", asking.CREATE, access=asking.WRITE)
        await host.ask(Function.WRITE, asking.write(data), handle)
        await host.ask(Function.CLOSE, bytes(32), handle)
        await until(lambda: not (tmp_path / DOWNLOADS / "file").exists(), "the file's end")
        (file,) = host.owner.files
        assert (file.name, file.data, file.is_whole) == ("file", data, True)


async def test_a_download_that_is_refused_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with host_with_drive(tmp_path) as host:
        assert host.owner is not None
        host.owner.refusal = ForbiddenError("no")
        await open_file(host, "\\")
        handle = await open_file(host, f"\\{DOWNLOADS}\\file", asking.CREATE, access=asking.WRITE)
        await host.ask(Function.WRITE, asking.write(b"content"), handle)
        await host.ask(Function.CLOSE, bytes(32), handle)
        await until(lambda: "'file' is not sent: no" in caplog.text, "a warning")
        assert (tmp_path / DOWNLOADS / "file").read_bytes() == b"content"
        host.owner = None
        handle = await open_file(host, f"\\{DOWNLOADS}\\file", access=asking.WRITE)
        await host.ask(Function.WRITE, asking.write(b"content"), handle)
        await host.ask(Function.CLOSE, bytes(32), handle)
        await until(lambda: "nobody accepts it" in caplog.text, "a warning")


@pytest.mark.parametrize(
    ("parameters", "features"),
    [
        ({}, set(Feature)),
        ({"disable_download": "true"}, set(Feature) - {Feature.READ}),
        ({"disable_upload": "true"}, {Feature.READ}),
    ],
)
async def test_the_owner_sees_the_files(
    parameters: dict[str, str], features: set[Feature], tmp_path: Path
) -> None:
    async with host_with_drive(tmp_path, drive_name="Mine", **parameters) as host:
        assert host.owner is not None
        (folder,) = host.owner.offered
        assert folder.name == "Mine"
        assert folder.features == features


async def test_the_name_of_the_disk(tmp_path: Path) -> None:
    async with host_with_drive(tmp_path, drive_name="Größe") as host:
        answer = await host.ask(Function.QUERY_VOLUME, asking.query(information.VOLUME))
        assert answer.endswith("Größe".encode("utf-16-le"))
