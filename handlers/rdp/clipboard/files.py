"""The files on the clipboard of a session: those of the host, and those of the users."""

from __future__ import annotations

from functools import partial

from guacr.api import (
    ForbiddenError,
    GuacrError,
    InputStream,
    SessionContext,
    UnsupportedError,
    User,
)
from handlers.rdp.clipboard import file_list, pdu
from handlers.rdp.clipboard.channel import Channel
from handlers.rdp.clipboard.file_list import Tree
from handlers.rdp.clipboard.folder import Folder, Source
from handlers.rdp.clipboard.host_files import PART, FileRequests, HostFiles
from handlers.rdp.clipboard.user_files import UserFiles
from handlers.rdp.open_file import StoredFile

RANGE_MAX = 1 << 20
"""Bytes of a user's file that a host is sent at a time."""
LOCKS_MAX = 8
"""Sets of users' files that are kept for a host; it is not told that others are not."""
ANSWERS_MAX = 16
"""Parts of users' files that are read for the host at a time."""


class Files:
    """The files on the clipboard.

    Args:
        session: the session.
        channel: the clipboard's channel.
        may_read: True if users may download files of the host.
        may_write: True if users may upload files.
    """

    def __init__(
        self,
        session: SessionContext,
        channel: Channel,
        *,
        may_read: bool,
        may_write: bool,
    ) -> None:
        self._session = session
        self._channel = channel
        self._may_read = may_read
        self._may_write = may_write
        self._requests = FileRequests(channel.send)
        self._of_host = self._hosts(Tree(), 0)
        self.of_users = UserFiles(session.settings.rdp.max_clipboard_files)
        self._is_hosts = True
        """True if those of the host were copied last."""
        self._flags = 0
        """The capabilities of the host."""
        self._locks = 0
        self._locked: dict[int, list[StoredFile]] = {}
        """Users' files that the host has locked."""
        self._answering = 0
        self._folders: dict[User, int] = {}

    @property
    def capabilities(self) -> int:
        """The capabilities of the client."""
        if not (self._may_read or self._may_write):
            return 0
        return pdu.FILES | pdu.NO_PATHS | pdu.CAN_LOCK | pdu.HUGE_FILES

    @property
    def are_wanted(self) -> bool:
        """True if any user may download files of the host."""
        users = self._session.users
        return self._may_read and any(not user.rights.disable_copy for user in users)

    @property
    def formats(self) -> dict[str, int]:
        """The formats in which the host is offered users' files."""
        if not self.of_users.is_complete or not self._flags & pdu.FILES:
            return {}
        return {
            file_list.NAME: file_list.NUMBER,
            file_list.CONTENTS_NAME: file_list.CONTENTS_NUMBER,
        }

    # ---- connections

    def begin(self, flags: int) -> None:
        """Offer the folder to the users, if a host that has begun its clipboard accepts files."""
        self._flags = flags & self.capabilities
        self._channel.file_part_max = PART + 4
        for user in self._session.users:
            self.join(user)

    def end(self) -> None:
        """Forget the host's files: the connection ends."""
        self._flags = 0
        self._requests.end()
        for number in list(self._locked):
            self.unlock(number)
        self._of_host = self._hosts(Tree(), 0)
        for user, index in self._folders.items():
            user.objects.withdraw(index)
        self._folders.clear()

    def close(self) -> None:
        """Forget users' files: the session has ended."""
        self.of_users.close()

    def join(self, user: User) -> None:
        """Offer the folder to a user."""
        may_read = self._may_read and not user.rights.disable_copy
        may_write = self._may_write and not user.rights.disable_paste
        if not self._flags & pdu.FILES or not (may_read or may_write) or user in self._folders:
            return
        folder = Folder(self._source, self.of_users, may_read=may_read, may_write=may_write)
        try:
            index = user.objects.offer(folder)
        except GuacrError as error:
            self._session.log.warning("files on the clipboard: %s", error)
            return
        if index is not None:
            self._folders[user] = index

    def leave(self, user: User) -> None:
        """Forget a user."""
        self._folders.pop(user, None)

    def _source(self) -> Source:
        return self._of_host if self._is_hosts else self.of_users

    # ---- from the host

    def show(self, tree: Tree) -> None:
        """Show what has been copied on the host."""
        self._of_host.close()
        self._is_hosts = True
        lock = 0
        if tree.files and self._flags & pdu.CAN_LOCK:
            self._locks += 1
            lock = self._locks
            self._channel.send(pdu.lock(lock))
        self._of_host = self._hosts(tree, lock)

    def _hosts(self, tree: Tree, lock: int) -> HostFiles:
        unlock = partial(self._channel.send, pdu.unlock(lock)) if lock else _nothing
        return HostFiles(tree, self._requests, lock, unlock)

    def take(self, response: pdu.FileResponse) -> None:
        """Pass a part of a file of the host on."""
        self._requests.take(response)

    # ---- from the users

    def accept(self, user: User, stream: InputStream) -> None:
        """Put a file that a user sends on the clipboard.

        Raises:
            ForbiddenError: the user may not do so.
            UnsupportedError: the host accepts no files.
            TooManyError: too many transfers are running.
        """
        if not self._may_write:
            raise ForbiddenError("uploads are disabled: disable-upload is set")
        if user.rights.disable_paste:
            raise ForbiddenError("pasting is disabled for this connection")
        if not self._flags & pdu.FILES:
            raise UnsupportedError("the host accepts no files on its clipboard")
        user.transfers.receive(stream, lambda data: self.of_users.write(stream.name, data))

    def show_users(self) -> None:
        """Show what users have copied."""
        self._is_hosts = False
        self._of_host.close()
        self._of_host = self._hosts(Tree(), 0)

    def list(self) -> bytes | None:
        """Return the list of users' files for the host; None if there are none."""
        return file_list.encode(self.of_users.files) if self.of_users.is_complete else None

    def answer(self, request: pdu.FileRequest) -> None:
        """Send the host a part of a user's file, or its size."""
        file = self._find(request)
        if file is None or self._answering >= ANSWERS_MAX or self._channel.is_behind:
            self._channel.send(pdu.file_response(request.stream, None))
        elif request.flags == pdu.FILE_SIZE:
            size = pdu.file_size(file.size)
            self._channel.send(pdu.file_response(request.stream, size))
        elif request.flags == pdu.FILE_RANGE:
            self._answering += 1
            self._session.start_task(self._send_part(file, request), "file for the host")
        else:
            self._channel.send(pdu.file_response(request.stream, None))

    def _find(self, request: pdu.FileRequest) -> StoredFile | None:
        files = None if request.lock is None else self._locked.get(request.lock)
        if files is None:
            return self.of_users.stored(request.index)
        return files[request.index] if 0 <= request.index < len(files) else None

    def lock(self, number: int) -> None:
        """Keep users' files for the host even if something else is copied."""
        if number not in self._locked and len(self._locked) < LOCKS_MAX:
            self._locked[number] = self.of_users.hold()

    def unlock(self, number: int) -> None:
        """End a lock."""
        for file in self._locked.pop(number, ()):
            file.release()

    async def _send_part(self, file: StoredFile, request: pdu.FileRequest) -> None:
        data: bytes | None = None
        try:
            data = await file.read(request.offset, min(request.size, RANGE_MAX))
        except OSError as error:
            self._session.log.warning("a file on the clipboard cannot be read: %s", error)
        finally:
            self._answering -= 1
        self._channel.send(pdu.file_response(request.stream, data))


def _nothing() -> None:
    """Do nothing."""
