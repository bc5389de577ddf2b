"""The SFTP server of a host, over a channel of an SSH connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from typing_extensions import override

from guacr.api import (
    BusyError,
    Turns,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
    shorten,
)
from guacr.sshlib import asyncssh
from handlers.sftp.wire import (
    NO_ATTRIBUTES,
    POSIX_RENAME,
    VERSION,
    Attributes,
    Code,
    Decoder,
    Fields,
    Kind,
    Open,
    Packet,
    StatusError,
    WireError,
    checked,
    extensions,
    names,
    packet,
    string,
    u32,
    u64,
    with_permissions,
    with_size,
)

SILENCE_MAX = 30.0
"""Seconds for which a server with pending requests may be silent. One that is stuck, in a named
pipe or on a network drive, answers none of them; one on a slow link answers some."""
ANSWER_MAX = 600.0
"""Seconds for which a request is waited for, although others are answered."""
REQUESTS_MAX = 1024
"""Maximum requests without an answer."""
HANDLE_MAX = 256
"""Maximum bytes of a handle, as in the draft."""
WINDOW = 512 * 1024
"""Bytes that the server may have in flight."""
SUBSYSTEM = "sftp"

_T = TypeVar("_T")


class SftpChannel(asyncssh.SSHClientSession[bytes]):
    """The requests of SFTP; paths, handles and names are the server's bytes.

    Every request raises `StatusError` if the server refuses it, `UpstreamError` if the server can
    no longer be used, and `BusyError` if it does not keep up with requests.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._decoder = Decoder()
        self._pending: dict[int, tuple[asyncio.Future[Packet], float]] = {}
        """The requests without an answer, the oldest first, and when they were sent."""
        self._number = VERSION - 1
        """That of the last request. INIT and VERSION have the version in its place."""
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._heard = 0.0
        """The time of the last bytes, or of the first pending request if that is later."""
        self._watch: asyncio.TimerHandle | None = None
        """The next check whether the server still answers."""
        self.replaces = False
        """True if `replace` can be used."""
        self._lost = False
        """True if the host has closed it."""
        self._closed: Callable[[], UpstreamError] | None = None
        """Makes the error of further requests; one error that is raised again and again would keep
        all their frames."""

    @property
    def closed(self) -> bool:
        """True if it can no longer be used."""
        return self._closed is not None

    def close(
        self, reason: str = "has ended: try again", kind: type[UpstreamError] = UpstreamError
    ) -> UpstreamError:
        """Close the channel, unless it is closed; pending requests fail. Return their error."""
        if self._closed is None:
            sentence = f"the SFTP connection to host {shorten(self._host)} {reason}"
            self._closed = partial(kind, sentence)
        pending, self._pending = self._pending, {}
        for answer, _ in pending.values():
            if not answer.done():
                answer.set_exception(self._closed())
                answer.exception()  # which nobody may be waiting for
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.abort()
        return self._closed()

    # ---- requests

    async def start(self) -> None:
        """Agree on the version.

        Raises:
            UpstreamError: it is not an SFTP server of version 3.
        """
        try:
            answer = await self._send(Kind.INIT)
        except UpstreamError:
            if self._lost:
                raise UpstreamUnavailableError(
                    f"host {shorten(self._host)} ends SFTP before it has started: check that the "
                    "server's program is installed, and that the user may run it"
                ) from None
            raise
        if answer.kind != Kind.VERSION:
            raise self._refuse(WireError("it does not answer with a version"))
        try:
            self.replaces = POSIX_RENAME in extensions(answer.body)
        except WireError as error:
            raise self._refuse(error) from None

    async def realpath(self, path: bytes) -> bytes:
        """Return the absolute path of something that exists."""
        fields = await self._request(Kind.REALPATH, Kind.NAME, string(path))
        try:
            ((name, _),) = names(fields)
        except (ValueError, WireError):
            raise self._refuse(WireError("not one path")) from None
        return name

    async def stat(self, path: bytes) -> Attributes:
        """Return the attributes of a file, following links."""
        return await self._attributes(Kind.STAT, path)

    async def lstat(self, path: bytes) -> Attributes:
        """Return the attributes of a file or link."""
        return await self._attributes(Kind.LSTAT, path)

    async def list(self, path: bytes) -> AsyncGenerator[tuple[bytes, Attributes], None]:
        """Yield the names in a directory, with the attributes that `lstat` would return."""
        handle = await self._handle(Kind.OPENDIR, string(path))
        turns = Turns()
        try:
            while True:
                try:
                    fields = await self._request(Kind.READDIR, Kind.NAME, string(handle))
                except StatusError as error:
                    if error.code == Code.EOF:
                        return
                    raise
                is_empty = True
                try:
                    for name, attributes in names(fields):
                        is_empty = False
                        yield name, attributes
                        await turns.give_way()
                except WireError as error:
                    raise self._refuse(error) from None
                if is_empty:  # which servers would otherwise send for ever
                    return
        finally:
            self.close_handle(handle)

    async def open(self, path: bytes, how: Open, permissions: int | None = None) -> bytes:
        """Open a file and return its handle; `permissions` are those of a new file."""
        attributes = NO_ATTRIBUTES if permissions is None else with_permissions(permissions)
        return await self._handle(Kind.OPEN, string(path), u32(how), attributes)

    async def fstat(self, handle: bytes) -> Attributes:
        """Return the attributes of an open file."""
        return await self._attributes(Kind.FSTAT, handle)

    async def read(self, handle: bytes, offset: int, length: int) -> bytes:
        """Read up to `length` bytes of a file; nothing at its end."""
        return self.data(await self.start_read(handle, offset, length), length)

    def start_read(self, handle: bytes, offset: int, length: int) -> asyncio.Future[Packet]:
        """Request up to `length` bytes of a file; `data` has the meaning of the answer."""
        return self._send(Kind.READ, string(handle), u64(offset), u32(length))

    def data(self, answer: Packet, length: int) -> bytes:
        """Return the bytes in the answer to `start_read`; nothing at the end of the file."""
        try:
            data = self._string(self._checked(answer, Kind.DATA))
        except StatusError as error:
            if error.code == Code.EOF:
                return b""
            raise
        if len(data) > length:
            raise self._refuse(WireError("more data than requested"))
        return data

    def start_write(self, handle: bytes, offset: int, data: bytes) -> asyncio.Future[Packet]:
        """Request to write bytes to a file; `check_written` has the meaning of the answer."""
        return self._send(Kind.WRITE, string(handle), u64(offset), string(data))

    def check_written(self, answer: Packet) -> None:
        """Raise the reason if the answer to `start_write` says that nothing was written."""
        self._checked(answer, Kind.STATUS)

    async def truncate(self, handle: bytes, size: int) -> None:
        """Set the size of an open file."""
        await self._request(Kind.FSETSTAT, Kind.STATUS, string(handle), with_size(size))

    async def set_permissions(self, handle: bytes, mode: int) -> None:
        """Set the permissions of an open file."""
        await self._request(Kind.FSETSTAT, Kind.STATUS, string(handle), with_permissions(mode))

    async def finish(self, handle: bytes) -> None:
        """Close a file, and learn whether everything was written: some servers, and network drives,
        only say so now."""
        await self._request(Kind.CLOSE, Kind.STATUS, string(handle))

    def close_handle(self, handle: bytes) -> None:
        """Close a file or directory without waiting for the answer."""
        with suppress(UpstreamError, BusyError):
            self._send(Kind.CLOSE, string(handle)).cancel()

    async def remove(self, path: bytes) -> None:
        """Remove a file or link."""
        await self._request(Kind.REMOVE, Kind.STATUS, string(path))

    def remove_if_there(self, path: bytes) -> None:
        """Remove a file or link before what is requested next, without waiting for the answer."""
        with suppress(UpstreamError, BusyError):
            self._send(Kind.REMOVE, string(path)).cancel()

    async def rename(self, path: bytes, to: bytes) -> None:
        """Rename a file or directory; most servers refuse if there is something of the new name."""
        await self._request(Kind.RENAME, Kind.STATUS, string(path), string(to))

    async def replace(self, path: bytes, to: bytes) -> None:
        """Rename a file to the name of another one, which it replaces."""
        await self._request(
            Kind.EXTENDED, Kind.STATUS, string(POSIX_RENAME), string(path), string(to)
        )

    async def mkdir(self, path: bytes) -> None:
        """Create a directory."""
        await self._request(Kind.MKDIR, Kind.STATUS, string(path), NO_ATTRIBUTES)

    async def rmdir(self, path: bytes) -> None:
        """Remove an empty directory."""
        await self._request(Kind.RMDIR, Kind.STATUS, string(path))

    async def _attributes(self, kind: Kind, target: bytes) -> Attributes:
        fields = await self._request(kind, Kind.ATTRS, string(target))
        try:
            return fields.attributes()
        except WireError as error:
            raise self._refuse(error) from None

    async def _handle(self, kind: Kind, *fields: bytes) -> bytes:
        handle = self._string(await self._request(kind, Kind.HANDLE, *fields))
        if len(handle) > HANDLE_MAX:
            raise self._refuse(WireError("a handle that is too long"))
        return handle

    def _string(self, fields: Fields) -> bytes:
        try:
            return fields.string()
        except WireError as error:
            raise self._refuse(error) from None

    async def _request(self, kind: Kind, expected: Kind, *fields: bytes) -> Fields:
        return self._checked(await self._send(kind, *fields), expected)

    def _checked(self, answer: Packet, expected: Kind) -> Fields:
        try:
            return checked(answer, expected)
        except WireError as error:
            raise self._refuse(error) from None

    def _send(self, kind: Kind, *fields: bytes) -> asyncio.Future[Packet]:
        if self._closed is not None:
            raise self._closed()
        if len(self._pending) >= REQUESTS_MAX or self._channel is None:
            raise BusyError(
                f"the SFTP server of host {shorten(self._host)} has not answered "
                f"{REQUESTS_MAX} requests: wait, and try again"
            )
        self._number = (self._number + 1) & 0xFFFFFFFF
        answer: asyncio.Future[Packet] = self._loop.create_future()
        now = self._loop.time()
        if not self._pending:
            self._heard = now
        if self._watch is None:
            self._watch = self._loop.call_at(now + SILENCE_MAX, self._check)
        self._pending[self._number] = answer, now
        try:
            self._channel.write(packet(kind, self._number, *fields))
        except OSError:  # the host has closed the channel, which will be reported next
            del self._pending[self._number]
            self._lost = True
            raise self.close() from None
        return answer

    def _check(self) -> None:
        """Close the channel of a server that owes answers and no longer sends any."""
        self._watch = None
        if not self._pending:
            return
        _, asked = next(iter(self._pending.values()))
        silent, slow = self._heard + SILENCE_MAX, asked + ANSWER_MAX
        due = min(silent, slow)
        if self._loop.time() < due:
            self._watch = self._loop.call_at(due, self._check)
            return
        seconds = SILENCE_MAX if silent <= slow else ANSWER_MAX
        self.close(
            f"was closed, because the host has not answered for {seconds:g} s: choose a "
            "different file, or try again",
            UpstreamTimeoutError,
        )

    # ---- called by asyncssh

    @override
    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan

    @override
    def data_received(self, data: bytes, datatype: int | None) -> None:
        if datatype is not None or self._closed is not None:
            return  # text of the server's on its standard error
        self._heard = self._loop.time()
        try:
            for answer in self._decoder.feed(data):
                self._receive(answer)
        except WireError as error:
            self._refuse(error)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._channel, self._lost = None, self._closed is None
        self.close()

    def _receive(self, answer: Packet) -> None:
        waiting, _ = self._pending.pop(answer.number, (None, 0.0))
        if waiting is None:
            raise WireError("an answer without a request")
        if not waiting.cancelled():
            waiting.set_result(answer)
        elif answer.kind == Kind.HANDLE:  # of a file that nobody wants any more
            self.close_handle(Fields(answer.body).string())

    def _refuse(self, error: WireError) -> UpstreamError:
        """Close the channel of a server that cannot be understood, and return the reason."""
        return self.close(
            f"was closed, because the host does not speak SFTP as it should ({error}): check "
            "whether a shell prints a text before SFTP starts"
        )


async def together(requests: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    """Return the results of requests that are sent at once; if any has failed, raise the first
    error after all have ended."""
    results = await asyncio.gather(*requests, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]
