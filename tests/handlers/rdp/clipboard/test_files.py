"""Files on the clipboard, without a worker; hosts and users that misuse it."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from guacr.api import (
    BusyError,
    ConflictError,
    Entry,
    FileSystem,
    ForbiddenError,
    NotFoundError,
    OverrunError,
    TooManyError,
    UnsupportedError,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from handlers.rdp import open_file
from handlers.rdp.clipboard import files as clipboard_files
from handlers.rdp.clipboard import host_files, pdu, user_files
from handlers.rdp.clipboard.file_list import (
    CONTENTS_NUMBER,
    NAME,
    NUMBER,
    CopiedFile,
    encode,
    parse,
)
from handlers.rdp.clipboard.host_files import AHEAD, PART
from tests.handlers.rdp.clipboard.host import FILES_LIMIT, Host, Person, host_of
from tests.handlers.rdp.clipboard.test_exchange import names, number
from tests.support.waiting import until

REQUEST, RESPONSE, CONFIRMED = pdu.DATA_REQUEST, pdu.DATA_RESPONSE, pdu.LIST_RESPONSE
ASK, PART_OF = pdu.FILE_REQUEST, pdu.FILE_RESPONSE
FILES = {NAME: 0xC0DE, "FileContents": 0xC0DF}


def asked(body: bytes) -> pdu.FileRequest:
    """A request for a part of a file."""
    found = pdu.parse(pdu.HEADER.pack(ASK, 0, len(body)) + body, long_names=True)
    assert isinstance(found, pdu.FileRequest)
    return found


async def copy(host: Host, *files: CopiedFile) -> None:
    """Copy files on the host, and wait until users see them."""
    host.take()
    host.announce(FILES)
    assert await host.next(CONFIRMED, REQUEST) == [b"", number(0xC0DE)]
    host.say(pdu.data_response(encode(files)))
    await host.next(pdu.LOCK)


async def listing(folder: FileSystem, path: str = "/") -> dict[str, bool]:
    return {entry.name: entry.is_directory async for entry in folder.list(path)}


async def content(folder: FileSystem, path: str, offset: int = 0) -> bytes:
    return b"".join([piece async for piece in folder.read(path, offset)])


async def answers(host: Host, data: bytes, size: int = PART) -> None:
    """Answer each request for a part of a file, with up to `size` bytes."""
    while True:
        await until(lambda: host.received, "a request")
        for kind, body in host.take():
            assert kind == ASK
            request = asked(body)
            if request.flags == pdu.FILE_SIZE:
                host.say(pdu.file_response(request.stream, pdu.file_size(len(data))))
            else:
                part = data[request.offset : request.offset + min(request.size, size)]
                host.say(pdu.file_response(request.stream, part))


# ---- from the host


@pytest.mark.parametrize("at_a_time", [PART, 1000])
@pytest.mark.parametrize("has_size", [True, False])
async def test_a_file_of_the_host(has_size: bool, at_a_time: int) -> None:
    user = Person()
    async with host_of(users=(user,)) as host:
        data = os.urandom(10 * PART + 7 if at_a_time == PART else PART + 7)
        size = len(data) if has_size else None
        file = CopiedFile(1, ("d", "a.bin"), size)
        listed = bytearray(encode([CopiedFile(0, ("d",), 0, is_directory=True), file]))
        if not has_size:
            listed[4 + 592] &= ~0x40
        host.announce(FILES)
        await host.next(CONFIRMED, REQUEST)
        host.say(pdu.data_response(bytes(listed)))
        await host.next(pdu.LOCK)
        assert await listing(user.folder) == {"d": True}
        assert await listing(user.folder, "/d") == {"a.bin": False}
        assert await user.folder.stat("/d") == Entry("d", is_directory=True)
        assert await user.folder.stat("/d/a.bin") == Entry("a.bin", size=size)
        server = host.start_task(answers(host, data, at_a_time), "")
        assert await content(user.folder, "/d/a.bin") == data
        for offset in (1, PART, len(data), len(data) + 1):
            assert await content(user.folder, "/d/a.bin", offset) == data[offset:]
        server.cancel()


async def test_parts_are_requested_ahead_but_not_all() -> None:
    user = Person()
    async with host_of(users=(user,)) as host:
        await copy(host, CopiedFile(0, ("a",), 1 << 40))
        reading = user.folder.read("/a")
        first = asyncio.ensure_future(anext(reading))
        requests = [asked(body) for body in await host.next(*[ASK] * AHEAD)]
        assert [request.offset for request in requests] == [at * PART for at in range(AHEAD)]
        host.say(pdu.file_response(requests[0].stream, bytes(PART)))
        assert await first == bytes(PART)
        assert not host.received  # nobody has taken the next part
        await reading.aclose()
        pending = host.clipboard.files._requests._pending
        await until(lambda: not pending, "the end of the requests")
        host.say(pdu.file_response(requests[1].stream, bytes(PART)))  # nobody wants it any more


@pytest.mark.parametrize("answer", [None, b""])
async def test_a_file_that_the_host_does_not_send(answer: bytes | None) -> None:
    user = Person()
    async with host_of(users=(user,)) as host:
        await copy(host, CopiedFile(0, ("a",), 3))
        reading = asyncio.ensure_future(content(user.folder, "/a"))
        (body,) = await host.next(ASK)
        host.say(pdu.file_response(asked(body).stream, answer))
        with pytest.raises(UpstreamError):
            await reading


async def test_a_host_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_files, "TIMEOUT", 0.01)
    user = Person()
    async with host_of(users=(user,)) as host:
        await copy(host, CopiedFile(0, ("a",), 3))
        with pytest.raises(UpstreamTimeoutError):
            await content(user.folder, "/a")


async def test_many_files_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_files, "REQUESTS_MAX", AHEAD)
    user = Person()
    async with host_of(users=(user,)) as host:
        await copy(host, CopiedFile(0, ("a",), 1 << 40))
        reading = asyncio.ensure_future(content(user.folder, "/a"))
        await host.next(*[ASK] * AHEAD)
        with pytest.raises(UpstreamUnavailableError):
            await content(user.folder, "/a")
        host.clipboard.end()
        with pytest.raises(UpstreamUnavailableError, match="has ended"):
            await reading
        assert not user.offered


async def test_files_are_locked_until_they_have_been_read() -> None:
    user = Person()
    async with host_of(users=(user,)) as host:
        await copy(host, CopiedFile(0, ("a",), 3))
        reading = asyncio.ensure_future(content(user.folder, "/a"))
        (body,) = await host.next(ASK)
        assert body[-4:] == number(1)
        host.announce({"13": 13})
        await host.next(CONFIRMED, REQUEST)
        assert await listing(user.folder) == {}
        host.say(pdu.file_response(asked(body).stream, b"abc"))
        assert await reading == b"abc"
        assert await host.next(pdu.UNLOCK) == [number(1)]
        with pytest.raises(NotFoundError):
            await content(user.folder, "/a")
        with pytest.raises(NotFoundError):
            await user.folder.stat("/a")


async def test_who_may_download_and_upload() -> None:
    people = Person(disable_copy=True), Person(disable_paste=True), Person(read_only=True)
    reader, writer = people[1], people[0]
    async with host_of(users=people) as host:
        await copy(host, CopiedFile(0, ("a",), 3))
        assert not people[2].offered
        assert await listing(writer.folder) == {}
        assert await listing(reader.folder) == {"a": False}
        with pytest.raises(ForbiddenError):
            await content(writer.folder, "/a")
        with pytest.raises(ForbiddenError):
            await write(reader.folder, "/b", b"b")
        both: Any = Person(disable_copy=True, disable_paste=True)
        later: Any = Person()
        for person in (both, later):
            host.clipboard.files.join(person)
        assert not both.offered
        assert await listing(later.folder) == {"a": False}


@pytest.mark.parametrize("terms", [{"may_download": False, "may_upload": False}, {}])
async def test_nobody_may_use_files(terms: dict[str, bool]) -> None:
    user = Person()
    host = Host(users=(user,), **terms)  # type: ignore[arg-type]
    host.begin(capabilities=pdu.LONG_NAMES if not terms else pdu.LONG_NAMES | pdu.FILES)
    sent, _ = await host.next(pdu.CAPABILITIES, pdu.FORMAT_LIST)
    assert bool(int.from_bytes(sent[-4:], "little") & pdu.FILES) is not bool(terms)
    assert not user.offered
    person: Any = user
    stream: Any = None
    with pytest.raises(ForbiddenError if terms else UnsupportedError):
        host.clipboard.files.accept(person, stream)
    await host.close()


async def test_files_are_not_requested_for_nobody() -> None:
    async with host_of(users=(Person(disable_copy=True),)) as host:
        host.announce(FILES)
        await host.next(CONFIRMED)


# ---- from users


async def pieces_of(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def write(folder: FileSystem, path: str, *pieces: bytes) -> None:
    await folder.write(path, "application/octet-stream", pieces_of(*pieces))


async def pasted(host: Host, index: int, offset: int = 0, size: int = 1 << 16) -> bytes:
    host.say(pdu.file_request(7, index, pdu.FILE_RANGE, offset, size, 0))
    (body,) = await host.next(PART_OF)
    assert body[:4] == number(7)
    return body[4:]


async def test_files_of_users() -> None:
    user = Person()
    async with host_of(users=(user,)) as host:
        await asyncio.gather(
            write(user.folder, "/a.txt", b"ab", b"cd"), write(user.folder, "/d/../A.txt", b"x" * 9)
        )
        (listed,) = await host.next(pdu.FORMAT_LIST)
        assert names(listed) == [NAME, "FileContents"]
        host.say(pdu.data_request(NUMBER))
        (body,) = await host.next(RESPONSE)
        files = sorted((file.path, file.size) for file in parse(body))
        assert files == [(("A (2).txt",), 9), (("a.txt",), 4)]
        host.say(pdu.file_request(5, 0, pdu.FILE_SIZE, 0, 8, 0))
        (body,) = await host.next(PART_OF)
        assert body == number(5) + pdu.file_size(4)
        assert await pasted(host, 0) == b"abcd"
        assert await pasted(host, 0, 1, 2) == b"bc"
        assert await pasted(host, 1, 4) == b"xxxxx"
        assert await pasted(host, 1, 1 << 63) == b""
        assert await listing(user.folder) == {"a.txt": False, "A (2).txt": False}
        assert await content(user.folder, "/a.txt") == b"abcd"
        for wrong in (
            pdu.file_request(5, 2, pdu.FILE_SIZE, 0, 8, 0),
            pdu.file_request(5, -1, pdu.FILE_RANGE, 0, 8, 0),
            pdu.file_request(5, 0, 3, 0, 8, 0),
            pdu.data_request(CONTENTS_NUMBER),
        ):
            host.say(wrong)
            await until(lambda: host.received, "a refusal")
            ((kind, _),) = host.take()
            assert kind in (-PART_OF, -RESPONSE)


async def test_files_are_forgotten_when_something_else_is_copied() -> None:
    user = Person()
    async with host_of(users=(user,)) as host:
        for number_, what in enumerate((b"one", b"two")):
            await write(user.folder, f"/{number_}", what)
            await host.next(pdu.FORMAT_LIST)
            assert await pasted(host, 0) == what
            assert await listing(user.folder) == {str(number_): False}
        memory = host.clipboard.files.of_users._memory
        assert memory.used == 3
        host.clipboard.paste({"text/plain": b"a"})
        (listed,) = await host.next(pdu.FORMAT_LIST)
        assert names(listed) == ["13", "1"]
        assert memory.used == 0
        host.say(pdu.file_request(5, 0, pdu.FILE_SIZE, 0, 8, 0))
        await host.next(-PART_OF)


async def test_files_that_the_host_has_locked_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clipboard_files, "LOCKS_MAX", 1)
    user = Person()
    async with host_of(users=(user,)) as host:
        memory = host.clipboard.files.of_users._memory
        await write(user.folder, "/a", b"abc")
        for lock in (5, 5, 6):
            host.say(pdu.lock(lock))
        host.clipboard.paste({"text/plain": b"a"})
        await host.next(pdu.FORMAT_LIST, pdu.FORMAT_LIST)
        for lock, index, found in ((5, 0, b"abc"), (5, 1, None), (5, -1, None), (6, 0, None)):
            host.say(pdu.file_request(7, index, pdu.FILE_RANGE, 0, 8, lock))
            await until(lambda: host.received, "an answer")
            ((kind, body),) = host.take()
            assert (kind == PART_OF) is (found is not None)
            assert found is None or body[4:] == found
        assert memory.used == 3
        host.say(pdu.unlock(5))
        assert memory.used == 0
        host.say(pdu.unlock(5))
        await write(user.folder, "/b", b"b")
        host.say(pdu.lock(7))
        host.clipboard.paste({})
        assert memory.used == 1
        host.clipboard.end()
        assert memory.used == 0


async def test_files_that_are_too_large_or_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_files, "FILES_MAX", 2)
    user = Person()
    async with host_of(users=(user,)) as host:
        await write(user.folder, "/fits", bytes(FILES_LIMIT))
        await host.next(pdu.FORMAT_LIST)
        with pytest.raises(OverrunError, match=r"rdp\.max_clipboard_files"):
            await write(user.folder, "/large", bytes(FILES_LIMIT), b"1")
        assert not host.received
        assert host.clipboard.files.of_users._memory.used == 0
        waiting = asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            await waiting.wait()
            yield b"slow"

        first = asyncio.ensure_future(user.folder.write("/1", "", slowly()))
        await write(user.folder, "/2", b"2")
        with pytest.raises(TooManyError):
            await write(user.folder, "/3", b"3")
        assert not host.received  # the first one is not complete
        waiting.set()
        await first
        await host.next(pdu.FORMAT_LIST)


async def test_something_else_is_copied_meanwhile() -> None:
    user = Person()
    async with host_of(users=(user,)) as host:
        waiting = asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            yield b"a"
            await waiting.wait()
            yield b"slow"

        writing = asyncio.ensure_future(user.folder.write("/1", "", slowly()))
        await until(lambda: host.clipboard.files.of_users._memory.used, "the first piece")
        host.clipboard.paste({"text/plain": b"a"})
        await host.next(pdu.FORMAT_LIST)
        waiting.set()
        with pytest.raises(ConflictError):
            await writing
        assert not host.received
        assert host.clipboard.files.of_users._memory.used == 0


async def test_an_upload_that_breaks_off() -> None:
    user = Person()
    async with host_of(users=(user,)) as host:

        async def broken() -> AsyncIterator[bytes]:
            yield b"a"
            raise OverrunError("too fast")

        with pytest.raises(OverrunError):
            await user.folder.write("/1", "", broken())
        assert not host.received
        assert host.clipboard.files.of_users._memory.used == 0


async def test_a_host_that_requests_many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clipboard_files, "ANSWERS_MAX", 1)
    monkeypatch.setattr(clipboard_files, "RANGE_MAX", 2)
    user = Person()
    async with host_of(users=(user,)) as host:
        await write(user.folder, "/a", b"abc")
        await host.next(pdu.FORMAT_LIST)
        assert await pasted(host, 0) == b"ab"
        for _ in range(2):
            host.say(pdu.file_request(5, 0, pdu.FILE_RANGE, 0, 8, 0))
        await host.next(-PART_OF, PART_OF)


async def test_users_files_for_the_next_connection() -> None:
    user = Person()
    async with host_of(users=(user,)) as host:
        await write(user.folder, "/a", b"abc")
        await host.next(pdu.FORMAT_LIST)
        host.clipboard.end()
        assert not user.offered
        host.offers.clear()
        host.begin()
        _, listed = await host.next(pdu.CAPABILITIES, pdu.FORMAT_LIST)
        assert names(listed) == [NAME, "FileContents"]
        assert await pasted(host, 0) == b"abc"


async def test_a_disk_that_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left in /secret")

    user = Person()
    async with host_of(users=(user,)):
        monkeypatch.setattr(open_file, "write", full)
        with pytest.raises(BusyError, match=r"cannot store the file: No space left on device$"):
            await write(user.folder, "/a", b"abc")
