"""A drive: answers requests about files from a directory (MS-RDPEFS 3.2.5.2). Its functions block;
one is called at a time."""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Callable
from contextlib import suppress
from threading import Lock

from handlers.rdp.devices import functions, information
from handlers.rdp.devices.functions import Function, RefusedError, Status
from handlers.rdp.devices.handle import Handle
from handlers.rdp.devices.opening import DELETE_ON_CLOSE, OPENED, open_wanted
from handlers.rdp.devices.pdu import PduError, Request
from handlers.rdp.devices.tree import Path, Tree

HANDLES_MAX = 128
"""Files that a server may have open at a time, as in guacd."""
ENTRIES_MAX = 131_072
"""Names of all directories that are still to be listed."""
READ_MAX = 1 << 22
"""Bytes that are read at a time, as in guacd."""
DOWNLOADS = "Download"
"""The directory whose new files users are sent, as in guacd."""
_END = 1 << 62
"""A place beyond the end of every file."""
_STATUSES = {
    errno.ENOENT: Status.NO_SUCH_FILE,
    errno.EEXIST: Status.OBJECT_NAME_COLLISION,
    errno.EISDIR: Status.FILE_IS_A_DIRECTORY,
    errno.ENOTDIR: Status.OBJECT_PATH_NOT_FOUND,
    errno.ENOTEMPTY: Status.DIRECTORY_NOT_EMPTY,
    errno.ENOSPC: Status.DISK_FULL,
    errno.EDQUOT: Status.DISK_FULL,
    errno.EFBIG: Status.DISK_FULL,
    errno.EMFILE: Status.TOO_MANY_OPENED_FILES,
    errno.ENFILE: Status.TOO_MANY_OPENED_FILES,
    errno.EOVERFLOW: Status.INSUFFICIENT_RESOURCES,
    errno.ENAMETOOLONG: Status.NAME_TOO_LONG,
    errno.EXDEV: Status.NOT_SAME_DEVICE,
    errno.EACCES: Status.ACCESS_DENIED,
    errno.EPERM: Status.ACCESS_DENIED,
    errno.EROFS: Status.ACCESS_DENIED,
    errno.EBUSY: Status.ACCESS_DENIED,
    errno.EBADF: Status.ACCESS_DENIED,
    errno.EINVAL: Status.INVALID_PARAMETER,
}


Use = Callable[[str, Path, int | None, Path], None]
"""Reports what a server has done with a file: the action (read, written, created, renamed or
deleted), its path, the bytes that were read or written, and the new path."""


class Drive:
    """A drive.

    Args:
        tree: its files.
        label: its name.
        downloads: called with the path of a file that users are sent; None without downloads.
        used: reports uses of files, on any thread.
    """

    def __init__(
        self,
        tree: Tree,
        label: str,
        downloads: Callable[[Path, int], None] | None = None,
        used: Use = lambda *_: None,
    ) -> None:
        self._tree = tree
        self._label = label
        self._downloads = downloads
        self._report = used
        self._lock = Lock()
        """Held while a request is answered."""
        self._handles: dict[int, Handle] = {}
        """Those that the server has open."""
        self._used = self._handles
        """Those of the request that is being answered, which may have been forgotten meanwhile."""
        self._forgotten: list[dict[int, Handle]] = []
        self._last = 0
        self._is_closed = False

    def answer(self, request: Request) -> tuple[Status, bytes]:
        """Do what a request asks for, and return the status and the body of the answer; empty if
        nothing is to be told."""
        answer = _ANSWERS.get(request.major)
        try:
            if answer is None:
                raise RefusedError(Status.NOT_SUPPORTED)
            with self._lock:
                self._used = self._handles
                return Status.SUCCESS, answer(self, request)
        except RefusedError as error:
            status = error.status
        except (PduError, ValueError):  # a null character, or a half of one
            status = Status.INVALID_PARAMETER
        except OSError as error:
            status = _STATUSES.get(error.errno or 0, Status.UNSUCCESSFUL)
        return status, b""

    def state(self, handle: int) -> tuple[int, ...] | None:
        """Return numbers that change if files are created, renamed or deleted in an open directory;
        None if it is none."""
        with self._lock:
            found = self._handles.get(handle)
            if found is None or not found.is_directory:
                return None
            known = os.fstat(found.descriptor)
        return known.st_mtime_ns, known.st_nlink

    def forget(self, *, for_good: bool = False) -> None:
        """Forget all files, at once: the server has gone, or begins anew. `close_forgotten` closes
        them. `for_good`: no others are opened."""
        self._is_closed = self._is_closed or for_good
        self._forgotten.append(self._handles)
        self._handles = {}

    def close_forgotten(self) -> None:
        """Close the forgotten files; waits for the request that is being answered."""
        with self._lock:
            while self._forgotten:
                for handle in self._forgotten.pop().values():
                    os.close(handle.descriptor)
                    self._report_uses(handle)

    def _handle(self, request: Request) -> Handle:
        handle = self._used.get(request.handle)
        if handle is None:
            raise RefusedError(Status.INVALID_HANDLE)
        return handle

    # ---- open and close

    def _create(self, request: Request) -> bytes:
        wanted = functions.create(request)
        if len(self._used) >= HANDLES_MAX or self._is_closed:
            raise RefusedError(Status.TOO_MANY_OPENED_FILES)
        descriptor, done = open_wanted(self._tree, wanted)
        is_directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        deletes = bool(wanted.options & DELETE_ON_CLOSE) and bool(wanted.path)
        if not wanted.path and self._downloads is not None:
            self._make_downloads()
        self._last = self._last % 0x7FFFFFFF + 1
        while self._last in self._used:
            self._last = self._last % 0x7FFFFFFF + 1
        handle = Handle(wanted.path, descriptor, is_directory, deletes)
        handle.was_changed = done != OPENED
        self._used[self._last] = handle
        if is_directory and handle.was_changed:
            self._report("created", wanted.path, None, ())
        return struct.pack("<IB", self._last, done)

    def _make_downloads(self) -> None:
        with suppress(OSError):  # it exists, or the drive cannot be written to
            self._tree.make_directory((DOWNLOADS,))

    def _close(self, request: Request) -> bytes:
        handle = self._handle(request)
        del self._used[request.handle]
        try:
            if handle.deletes:
                self._delete(handle)
            elif handle.was_written and handle.path[0] == DOWNLOADS:
                self._send(handle)
        finally:
            os.close(handle.descriptor)
            self._report_uses(handle)
        return b""

    def _report_uses(self, handle: Handle) -> None:
        """Report what was done with a file that is closed."""
        if handle.read:
            self._report("read", handle.path, handle.read, ())
        if handle.was_written or (handle.was_changed and not handle.is_directory):
            self._report("written", handle.path, handle.written, ())

    def _delete(self, handle: Handle) -> None:
        if handle.is_in_place(self._tree):
            self._tree.remove(handle.path)
            self._report("deleted", handle.path, None, ())

    def _send(self, handle: Handle) -> None:
        """Have users sent a file, which is read by another descriptor than the server's."""
        if self._downloads is not None:
            self._downloads(handle.path, self._tree.open(handle.path, os.O_RDONLY))

    # ---- read and write

    def _read(self, request: Request) -> bytes:
        handle, wanted = self._handle(request), functions.read(request)
        offset = min(wanted.offset, _END)
        data = os.pread(handle.descriptor, min(wanted.size, READ_MAX), offset)
        handle.read += len(data)
        return information.sized(data)

    def _write(self, request: Request) -> bytes:
        handle, wanted = self._handle(request), functions.write(request)
        self._tree.write(handle.descriptor, wanted.data, wanted.offset)
        handle.was_written = True
        handle.written += len(wanted.data)
        return struct.pack("<IB", len(wanted.data), 0)

    def _lock_file(self, request: Request) -> bytes:
        handle, wanted = self._handle(request), functions.lock(request)
        for size, offset in wanted.ranges:
            handle.lock(wanted.operation, offset, size)
        return b""

    # ---- information

    def _query(self, request: Request) -> bytes:
        handle, kind = self._handle(request), functions.kind_of(request)
        name = handle.path[-1] if handle.path else ""
        found = os.fstat(handle.descriptor)
        return _known(information.of_file(kind, found, name, is_deleted=handle.deletes))

    def _query_disk(self, request: Request) -> bytes:
        kind = functions.kind_of(request)
        return _known(information.of_disk(kind, self._label, self._tree.space))

    def _set(self, request: Request) -> bytes:
        handle, wanted = self._handle(request), functions.set_information(request)
        match wanted.kind:
            case information.BASIC:
                self._set_times(handle, wanted.data)
            case information.END_OF_FILE:
                self._resize(handle, wanted.data)
            case information.ALLOCATION:
                self._allocate(handle, wanted.data)
            case information.DISPOSITION:
                self._dispose(handle, wanted.data)
            case information.RENAME:
                self._rename(handle, wanted.data)
            case _:
                raise RefusedError(Status.NOT_SUPPORTED)
        return struct.pack("<I", len(wanted.data))

    def _set_times(self, handle: Handle, data: bytes) -> None:
        times = information.times_of(data, os.fstat(handle.descriptor))
        if times is not None:
            os.utime(handle.descriptor, ns=times)

    def _resize(self, handle: Handle, data: bytes) -> None:
        size = information.number(data)
        if size is None:
            raise RefusedError(Status.INVALID_PARAMETER)
        self._tree.resize(handle.descriptor, size)
        handle.was_written = True

    def _allocate(self, handle: Handle, data: bytes) -> None:
        """Cut a file off that is larger; room for others is not reserved."""
        size = information.number(data)
        if size is None:
            raise RefusedError(Status.INVALID_PARAMETER)
        if size < os.fstat(handle.descriptor).st_size:
            self._tree.resize(handle.descriptor, size)
            handle.was_changed = True

    def _dispose(self, handle: Handle, data: bytes) -> None:
        deletes = not data or bool(data[0])
        if deletes and not handle.path:
            raise RefusedError(Status.ACCESS_DENIED)
        if deletes and handle.is_directory and not handle.is_empty():
            raise RefusedError(Status.DIRECTORY_NOT_EMPTY)
        handle.deletes = deletes

    def _rename(self, handle: Handle, data: bytes) -> None:
        replaces, path = functions.rename(data)
        if not handle.is_in_place(self._tree):
            raise RefusedError(Status.NO_SUCH_FILE)
        if self._is_download(handle, path):
            self._send(handle)  # as in guacd, the file itself stays where it is
            return
        self._tree.rename(handle.path, path, replace=replaces)
        old = handle.path
        self._report("renamed", old, None, path)
        for one in self._used.values():
            if one.path[: len(old)] == old:
                one.path = path + one.path[len(old) :]

    def _is_download(self, handle: Handle, path: Path) -> bool:
        if self._downloads is None or handle.is_directory:
            return False
        return len(path) > 1 and path[0] == DOWNLOADS and handle.path[0] != DOWNLOADS

    # ---- directories

    def _list(self, request: Request) -> bytes:
        if request.minor != functions.QUERY_DIRECTORY:
            raise RefusedError(Status.NOT_SUPPORTED)
        handle, wanted = self._handle(request), functions.query_directory(request)
        if not handle.is_directory:
            raise RefusedError(Status.NOT_A_DIRECTORY)
        if wanted.is_first:
            left = ENTRIES_MAX - sum(len(one.entries) for one in self._used.values())
            handle.begin_list(wanted.pattern, left + len(handle.entries))
        entry = handle.next_entry()
        if entry is None:
            raise RefusedError(Status.NO_MORE_FILES if handle.was_listed else Status.NO_SUCH_FILE)
        return _known(information.entry(wanted.kind, *entry))


_ANSWERS: dict[int, Callable[[Drive, Request], bytes]] = {
    Function.CREATE: Drive._create,
    Function.CLOSE: Drive._close,
    Function.READ: Drive._read,
    Function.WRITE: Drive._write,
    Function.QUERY_INFORMATION: Drive._query,
    Function.SET_INFORMATION: Drive._set,
    Function.QUERY_VOLUME: Drive._query_disk,
    Function.DIRECTORY: Drive._list,
    Function.LOCK: Drive._lock_file,
}


def _known(content: bytes | None) -> bytes:
    if content is None:
        raise RefusedError(Status.NOT_SUPPORTED)
    return information.sized(content)
