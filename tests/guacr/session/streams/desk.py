"""A user with a drive in memory, for the tests of file systems."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from guacr.errors import ForbiddenError, NotFoundError, UpstreamError
from guacr.protocol.client import ClientInfo
from guacr.protocol.files import DIRECTORY_TYPE
from guacr.session.streams.bodies import ERROR_TYPE
from guacr.session.streams.files import Entry, Feature, FileSystem
from guacr.session.user import User
from tests.support.loopback import Bench, MemoryTransport, until


class Drive(FileSystem):
    """Files in memory; `gate` holds up who reads or writes."""

    name = "Drive"

    def __init__(self) -> None:
        self.files = {"/a.txt": b"text", "/sub/b.bin": bytes(range(256)) * 100}
        self.gate = asyncio.Event()
        self.gate.set()
        self.closed = 0
        self.done: list[tuple[str, ...]] = []
        """The changes that were requested."""
        self.allowed = frozenset(Feature)

    @property
    def features(self) -> frozenset[Feature]:
        return self.allowed

    async def stat(self, path: str) -> Entry:
        name = path.rpartition("/")[2]
        if path in self.files:
            return Entry(name, size=len(self.files[path]))
        if any(one.startswith(path.rstrip("/") + "/") for one in self.files):
            return Entry(name, is_directory=True)
        raise NotFoundError(f"{path} is not there")

    async def list(self, path: str) -> AsyncGenerator[Entry, None]:
        if path == "/sub":
            raise ForbiddenError("you may not look into /sub")
        for name in ("a.txt", ".", "..", "x/y", ""):
            yield Entry(name)
        yield Entry('sub "ü"', is_directory=True, modified=1.5)

    async def read(self, path: str, offset: int = 0) -> AsyncGenerator[bytes, None]:
        try:
            await self.gate.wait()
            yield self.files[path][offset : offset + 100]
            if path == "/broken":
                raise UpstreamError("the host has gone")
            yield self.files[path][offset + 100 :]
        finally:
            self.closed += 1

    async def write(
        self, path: str, mimetype: str, data: AsyncIterator[bytes], offset: int = 0
    ) -> None:
        if path == "/no":
            raise ForbiddenError("this file cannot be written")
        await self.gate.wait()
        whole = self.files[path][:offset] if offset else b""
        async for piece in data:
            whole += piece
            if len(whole) > 20_000:
                raise ForbiddenError("the disk is full")
            await self.gate.wait()
        self.files[path] = whole

    async def make_directory(self, path: str) -> None:
        self.done.append(("make-directory", path))

    async def rename(self, path: str, to: str) -> None:
        self.done.append(("rename", path, to))

    async def delete(self, path: str) -> None:
        await self.gate.wait()
        self.files.pop(path, None)
        self.done.append(("delete", path))


class Desk:
    """A user with a drive, whose client acknowledges all that it is sent."""

    def __init__(self, bench: Bench, *, extended: bool = False) -> None:
        files = (DIRECTORY_TYPE,) if extended else ()
        info = ClientInfo(width=200, height=100, version=(1, 5, 0), files=files)
        self.transport: MemoryTransport
        self.user: User
        self.transport, self.user = bench.connect(info=info)
        self.drive = Drive()
        assert self.user.objects.offer(self.drive) == 0

    async def get(self, path: str, index: int = 0) -> tuple[str, bytes]:
        """Mimetype and content."""
        before = len(self.transport.all("body"))
        self.transport.send("get", index, path)
        return await self.body(path, before)

    async def body(self, name: str, number: int) -> tuple[str, bytes]:
        """Mimetype and content of the body of this number, which is named so."""
        await until(lambda: len(self.transport.all("body")) > number)
        _, stream, mimetype, named = self.transport.all("body")[number]
        assert named == name
        self.transport.send("ack", stream, "OK", 0)
        acked = 0
        while (stream,) not in self.transport.all("end"):
            await asyncio.sleep(0)
            if sum(at == stream for at, _ in self.transport.all("blob")) > acked:
                acked += 1
                self.transport.send("ack", stream, "OK", 0)
        data = [data for at, data in self.transport.all("blob") if at == stream]
        for _ in data[acked:]:
            self.transport.send("ack", stream, "OK", 0)
        return mimetype, b"".join(map(b64decode, data))

    async def error_of(self, path: str, index: int = 0) -> dict[str, Any]:
        """Return the error with which a `get` is refused."""
        mimetype, data = await self.get(path, index)
        assert mimetype == ERROR_TYPE
        error: dict[str, Any] = json.loads(data)
        return error

    def blob(self, stream: int, data: bytes = b"x" * 6000) -> None:
        self.transport.send("blob", stream, b64encode(data).decode())

    def acks(self, stream: int) -> list[tuple[str, str]]:
        """Sentence and status of each answer to an upload."""
        return [args[1:] for args in self.transport.all("ack") if args[0] == str(stream)]  # type: ignore[misc]

    async def ask(self, operation: str, *arguments: str, index: int = 0) -> tuple[str, bytes]:
        """Mimetype and content of the answer to a request of the extension."""
        before = len(self.transport.all("body"))
        self.transport.send("files", index, 7, operation, *arguments)
        return await self.body("7", before)
