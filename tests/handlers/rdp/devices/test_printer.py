"""A printer: documents of a host that its owner receives."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from guacr.api import ForbiddenError
from handlers.rdp.devices import ghostscript, pdu, printer
from handlers.rdp.devices.functions import Function, Status
from tests.handlers.rdp.devices import asking
from tests.handlers.rdp.devices.host import PRINT_MAX, PRINTER, Host, host_of
from tests.handlers.rdp.devices.test_ghostscript import HELLO
from tests.support.require import require
from tests.support.waiting import until


@pytest.fixture(autouse=True)
def _installed() -> None:
    require("gs")


async def begin(host: Host) -> int:
    answer = await host.ask(Function.CREATE, bytes(56), device=PRINTER)
    return int(struct.unpack("<IB", answer)[0])


async def write(host: Host, job: int, data: bytes, offset: int = 0) -> None:
    answer = await host.ask(Function.WRITE, asking.write(data, offset), job, device=PRINTER)
    assert struct.unpack("<IB", answer) == (len(data), 0)


async def end(host: Host, job: int) -> None:
    assert await host.ask(Function.CLOSE, bytes(32), job, device=PRINTER) == bytes(4)


async def test_a_document() -> None:
    async with host_of(enable_printing="true", printer_name="Mine") as host:
        assert host.owner is not None
        assert host.received[-1] == pdu.device_list(pdu.printer(1, "PRN1", "Mine"))
        job, data = await begin(host), HELLO.encode()
        await write(host, job, data[:20])
        await write(host, job, data[20:])  # offsets mean nothing
        assert host.owner.files == []
        await end(host, job)
        files = host.owner.files
        await until(lambda: files and files[0].is_whole, "the document")
        (file,) = files
        assert (file.name, file.mimetype) == ("Hello.pdf", "application/pdf")
        assert file.data.startswith(b"%PDF")
        memory: Any = host.devices._printer._memory  # type: ignore[union-attr]
        await until(lambda: memory.used == 0, "the end of the document")


async def test_documents_at_the_same_time() -> None:
    async with host_of(enable_printing="true") as host:
        assert host.owner is not None
        jobs = [await begin(host) for _ in range(printer.JOBS_MAX)]
        status, _ = await host.answer(host.put(Function.CREATE, bytes(56), device=PRINTER))
        assert status == Status.INSUFFICIENT_RESOURCES
        for job in jobs[:3]:
            await write(host, job, HELLO.replace("Hello", str(job)).encode())
        for job in jobs[:3]:
            await end(host, job)
        files = host.owner.files
        await until(lambda: [file for file in files if file.is_whole] and len(files) == 3, "files")
        assert {file.name for file in files} == {f"{job}.pdf" for job in jobs[:3]}


async def test_other_requests() -> None:
    async with host_of(enable_printing="true") as host:
        answer = await host.ask(Function.CONTROL, bytes(32), device=PRINTER)
        assert answer == bytes(4)
        for function, status in (
            (Function.READ, Status.NOT_SUPPORTED),
            (Function.WRITE, Status.INVALID_HANDLE),
            (Function.CLOSE, Status.INVALID_HANDLE),
        ):
            number = host.put(function, bytes(32), 99, device=PRINTER)
            assert (await host.answer(number))[0] == status
        job = await begin(host)
        number = host.put(Function.WRITE, asking.write(b"data")[:-1], job, device=PRINTER)
        assert (await host.answer(number))[0] == Status.INVALID_PARAMETER
        await end(host, job)  # empty: nothing is sent


async def test_documents_have_a_limit(caplog: pytest.LogCaptureFixture) -> None:
    async with host_of(enable_printing="true") as host:
        assert host.owner is not None
        job = await begin(host)
        await write(host, job, HELLO.encode().ljust(PRINT_MAX))
        for _ in range(2):
            number = host.put(Function.WRITE, asking.write(b"x"), job, device=PRINTER)
            assert (await host.answer(number))[0] == Status.DISK_FULL
        await end(host, job)
        (sentence,) = [one.message for one in caplog.records if "cannot be printed" in one.message]
        assert "Hello.pdf cannot be printed" in sentence
        assert "rdp.max_print_jobs" in sentence
        other = await begin(host)
        await write(host, other, HELLO.encode())
        await end(host, other)
        files = host.owner.files
        await until(lambda: files, "another document")


async def test_a_document_that_is_not_valid(caplog: pytest.LogCaptureFixture) -> None:
    async with host_of(enable_printing="true") as host:
        job = await begin(host)
        await write(host, job, b"%!PS\n%%Title: Broken\njunk\n")
        await end(host, job)
        await until(lambda: "Broken.pdf cannot be printed: Ghostscript" in caplog.text, "a warning")


async def test_a_document_that_nobody_wants(caplog: pytest.LogCaptureFixture) -> None:
    async with host_of(enable_printing="true") as host:
        assert host.owner is not None
        host.owner.refusal = ForbiddenError("not now")
        job = await begin(host)
        await write(host, job, HELLO.encode())
        await end(host, job)
        await until(lambda: "Hello.pdf cannot be printed: not now" in caplog.text, "a warning")
        host.owner = None
        status, _ = await host.answer(host.put(Function.CREATE, bytes(56), device=PRINTER))
        assert status == Status.DEVICE_OFF_LINE


async def test_a_connection_that_ends_amid_a_document() -> None:
    async with host_of(enable_printing="true") as host:
        job = await begin(host)
        await write(host, job, HELLO.encode())
        host.put(Function.CREATE, bytes(56), device=PRINTER)
        host.devices.end()
        memory: Any = host.devices._printer._memory  # type: ignore[union-attr]
        await until(lambda: memory.used == 0, "the end of the document")


async def test_without_ghostscript_there_is_no_printer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ghostscript, "program", lambda: None)
    async with host_of(enable_printing="true") as host:
        assert host.offers == []
