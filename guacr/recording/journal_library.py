"""The recordings in a journal: which there are, and their contents.

A recording in a journal is in parts, which may be compressed. It is copied to a temporary file when
it is opened, and this file is continued while the session is still running. Everything blocks.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import IO

from guacr.errors import GuacrError, NotFoundError, OverrunError, shorten
from guacr.journal.catalogue import Catalogue, Stream
from guacr.journal.encoding import Decoding
from guacr.journal.errors import EncryptedError, FormatError, MissingError, StoreError
from guacr.journal.options import RECORDING, Options
from guacr.journal.reading import Key
from guacr.journal.sealer import LOCK, WAL
from guacr.recording.journal_text import is_text, text_of
from guacr.recording.listed import Listed

PREFIX = "journal:"
"""Begins the names of recordings in the journal, before their ids. No file has such a name in the
list, and no directory: tokens for directories are not for the journal."""
COPIES_MAX = 8
"""Recordings whose copies are kept."""
COPIED_MAX = 2 << 30
"""Maximum bytes of all copies."""
REFRESH = 1.5
"""Seconds until a session that is still running is looked at again."""

_NAME = re.compile(rf"{PREFIX}([0-9A-Za-z-]{{1,40}})\.([0-9]{{1,19}})")
_DAMAGE = "what follows is missing, damaged or encrypted: see `guacr recordings verify`"
_SAVE = "with `guacr recordings save`, and play the file with `guacr play`"

log = logging.getLogger("guacr.journal")


@dataclass(slots=True)
class _Copy:
    stream: Stream
    file: IO[bytes]
    size: int = 0
    last: int = 0
    """The number of the last record."""
    damage: str = ""
    """The reason why it ends here, if something is missing."""
    looked_at: float = -REFRESH


class JournalLibrary:
    """The recordings in a journal.

    Args:
        options: those of the journal.
        decoding: for encrypted archives; by default, what is encrypted cannot be played.
        clock: returns seconds.
    """

    def __init__(
        self,
        options: Options,
        decoding: Decoding | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wal = options.directory / WAL
        self._clock = clock
        self._lock = Lock()
        self._catalogue = Catalogue(
            self._wal,
            options.archive(RECORDING),
            decoding or Decoding(),
            lambda sentence: log.warning("%s", sentence),
            skips_encrypted=True,
        )
        self._copies: OrderedDict[Key, _Copy] = OrderedDict()
        self._is_closed = False

    def listing(self, may_see: Callable[[str], bool]) -> tuple[list[Listed], str]:
        """Return the recordings whose names may be seen, and a sentence about others; empty if
        there are none."""
        try:
            with self._lock:
                found = self._catalogue.summaries()
                has_encrypted = self._catalogue.has_encrypted()
        except (GuacrError, OSError) as error:
            log.warning("the journal's recordings cannot be listed: %s", error)
            return [], "The recordings in the journal cannot be listed: see the daemon's log."
        live: dict[str, bool] = {}
        listed = []
        for one in found:
            name, about = f"{PREFIX}{one.key}", one.description.about
            if one.first == 1 and may_see(name) and not is_text(about):
                epoch = one.key.epoch
                is_running = not one.ended and live.setdefault(epoch, self._is_live(epoch))
                begun, duration = one.begin / 1e9, (one.end - one.begin) // 1_000_000
                title = about.get("name") or name
                more = {key: about.get(key, "") for key in ("subject", "host", "protocol")}
                listed.append(Listed(name, begun, duration, one.size, title, is_running, **more))
        note = "Encrypted recordings are not listed: use guacr recordings list --identity FILE."
        return listed, note if has_encrypted and may_see(PREFIX) else ""

    def open(self, name: str) -> int:
        """Return a descriptor of a recording, to read what it contains now.

        Raises:
            NotFoundError: there is none of that name.
            EncryptedError: it is encrypted.
            OverrunError: it is too large.
            StoreError: it cannot be read, or copied.
        """
        key = _key(name)
        with self._lock:
            try:
                copy = self._copies.pop(key, None) or _Copy(
                    Stream(self._catalogue, key),
                    tempfile.TemporaryFile(),  # noqa: SIM115 - kept
                )
                try:
                    self._continue(copy, name)
                    descriptor = os.dup(copy.file.fileno())
                except BaseException:
                    with suppress(OSError):  # the disk is full
                        copy.file.close()
                    raise
            except OSError as error:
                raise StoreError(
                    f"the recording cannot be copied to {tempfile.tempdir or 'a temporary file'}: "
                    f"{error.strerror}; save it elsewhere {_SAVE}"
                ) from error
            self._copies[key] = copy
            self._forget()
            return descriptor

    def has_text(self, name: str) -> bool:
        """Return whether the text of a terminal was recorded, too; raises as `open` does."""
        return self._text(name) is not None

    def open_text(self, name: str) -> int:
        """Return a descriptor of the text of a recording, to read what it contains now; raises as
        `open` does."""
        text = self._text(name)
        if text is None:
            raise NotFoundError(f"{shorten(name)} has no text")
        return self.open(f"{PREFIX}{text}")

    def _text(self, name: str) -> Key | None:
        key = _key(name)
        if key not in self._copies:
            os.close(self.open(name))
        with self._lock:
            copy = self._copies.get(key)
            return None if copy is None else text_of(key, copy.stream.about)

    def is_running(self, name: str) -> bool:
        """Return whether the session of an opened recording is still running."""
        with self._lock:
            copy = self._copies.get(_key(name))
            if copy is None or copy.damage or copy.stream.ended:
                return False
            return self._is_live(_key(name).epoch)

    def damage(self, name: str) -> str:
        """Return why an opened recording ends before its end; empty if it does not."""
        with self._lock:
            copy = self._copies.get(_key(name))
            return "" if copy is None else copy.damage

    def close(self) -> None:
        """Delete all copies; whoever opens one now is its only reader."""
        with self._lock:
            self._is_closed = True
            while self._copies:
                self._copies.popitem()[1].file.close()

    def _continue(self, copy: _Copy, name: str) -> None:
        """Copy what is new, up to something that is missing."""
        now = self._clock()
        if copy.damage or now - copy.looked_at < REFRESH:
            return
        copy.looked_at = now
        try:
            self._copy(copy)
        except (FormatError, MissingError):
            if not copy.size:
                raise
            copy.damage = _DAMAGE
        copy.file.flush()
        if copy.size:
            return
        if self._catalogue.has_encrypted(copy.stream.key.epoch):
            raise EncryptedError(
                "the recording is in an encrypted archive, which the daemon cannot read: save it "
                "with `guacr recordings save --identity`, and play the file with `guacr play`"
            )
        raise NotFoundError(f"there is no recording {shorten(name)}")

    def _copy(self, copy: _Copy) -> None:
        for record in copy.stream.poll():
            if (
                record.sequence != copy.last + 1
            ):  # at the beginning: it has expired, or is encrypted
                copy.damage = _DAMAGE
                return
            copy.last += 1
            copy.size += len(record.payload)
            if copy.size > COPIED_MAX:
                raise OverrunError(
                    f"the recording is too large to be played from the journal: save it {_SAVE}"
                )
            copy.file.write(record.payload)

    def _forget(self) -> None:
        """Close the copies that were not used for the longest time."""
        while len(self._copies) > 1 - self._is_closed and (
            len(self._copies) > COPIES_MAX
            or self._is_closed
            or sum(copy.size for copy in self._copies.values()) > COPIED_MAX
        ):
            self._copies.popitem(last=False)[1].file.close()

    def _is_live(self, epoch: str) -> bool:
        """Return whether the process that has written a part of the journal is still running."""
        with suppress(OSError):
            descriptor = os.open(self._wal / epoch / LOCK, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            finally:
                os.close(descriptor)
        return False


def is_in_journal(name: str) -> bool:
    """Return whether a recording of this name would be in the journal."""
    return _NAME.fullmatch(name) is not None


def _key(name: str) -> Key:
    found = _NAME.fullmatch(name)
    if found is None:
        raise NotFoundError(f"there is no recording {shorten(name)}")
    return Key(found[1], int(found[2]))
