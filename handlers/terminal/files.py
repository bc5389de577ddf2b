"""Terminals of hosts whose files a session may offer."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from typing_extensions import override

from guacr.api import GuacrError, InputStream, SessionContext, UnsupportedError, User, shorten
from handlers.offer import Offer
from handlers.terminal.handler import TerminalHandler
from handlers.terminal.params import HostTerminalParams

_P = TypeVar("_P", bound=HostTerminalParams)


class FilesTerminalHandler(TerminalHandler[_P]):
    """A terminal in which users drop files for the host, and whose programs send files to the
    owner.

    Subclasses set `files` while there is a connection, if the parameters enable it.
    """

    files_parameter: ClassVar[str]
    """The name of the parameter that enables the files."""

    def __init__(self, session: SessionContext, params: _P) -> None:
        super().__init__(session, params)
        self.files: Offer | None = None

    def tell_owner(self, sentence: str) -> None:
        """Show a sentence about files to the owner of the session."""
        self.notify(self.session.owner, sentence)

    @override
    def open_stream(self, user: User, stream: InputStream) -> None:
        if stream.kind != "file":
            super().open_stream(user, stream)
        elif self.files is None:
            raise UnsupportedError(self._no_files())
        else:
            self.files.accept(user, stream)

    @override
    def upload_lost(self, user: User, name: str, error: GuacrError) -> None:
        self.notify(user, f"{shorten(name)} was not saved: {error}.")

    @override
    def download(self, path: str) -> None:
        if self.files is None:
            self.print_line(f"{shorten(path)} was not sent: {self._no_files()}.")
            if (owner := self.session.owner) is not None:
                owner.transfers.refused(path, UnsupportedError(self._no_files()))
        else:
            self.files.download(path)

    @override
    def upload_directory(self, path: str) -> None:
        if self.files is None:
            self.print_line(f"No files go to {shorten(path)}: {self._no_files()}.")
        else:
            self.files.set_directory(path)

    def _no_files(self) -> str:
        """Return why there is no file transfer."""
        if getattr(self.params, self.files_parameter.replace("-", "_")):
            return "the host is not connected"
        return (
            f"file transfer is not enabled for this connection (parameter {self.files_parameter})"
        )
