"""`guacr audit` and `guacr recordings`: read what the journal contains."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from guacr.errors import NotFoundError, SettingsError, shorten

if TYPE_CHECKING:
    from guacr.journal.encoding import Decoding
    from guacr.journal.options import Options
    from guacr.journal.reading import Cursor, Filter, Found
    from guacr.settings.models import Settings

MODE = 0o600
"""Permissions of a recording that is saved."""
POLL = 0.2
"""Seconds between two searches for new entries with `--follow`."""
POLL_STORE = 2.0
"""The same if the archive is in object storage, where each one costs a request."""
IDENTITIES_MAX = 65536
"""Maximum bytes of a file of identities."""
_EPOCH = re.compile(r"[0-9A-Za-z-]{1,40}")
_AGO = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
NOTE = """\
list: the recordings in the journal, with their ids. save ID FILE: write one to a new file. verify:
compare the archive with its manifests, for recordings and the audit log; the exit status is 1 if
something was removed or changed. --head HASH also checks that an entry has a hash that was noted
earlier, such as those in the daemon's log."""


def add_audit_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `guacr audit`."""
    parser.add_argument("--follow", action="store_true", help="wait for further entries")
    parser.add_argument(
        "--session", default="", metavar="ID", help="only those of a session; $ may be omitted"
    )
    parser.add_argument(
        "--since", default="", metavar="TIME", help="no earlier ones: 2026-11-29, or 30m, 12h, 7d"
    )
    add_identity(parser)


def add_recordings_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `guacr recordings`."""
    parser.epilog = NOTE
    parser.add_argument("action", choices=("list", "save", "verify"))
    parser.add_argument("id", nargs="?", default="", metavar="ID", help="with save: the recording")
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="with save: a new file")
    parser.add_argument("--head", default="", metavar="HASH", help="with verify: a hash")
    add_identity(parser)


def add_identity(parser: argparse.ArgumentParser) -> None:
    """Add the argument for the keys of encrypted archives."""
    parser.add_argument(
        "--identity", type=Path, metavar="FILE", help="private keys of age, for encrypted files"
    )


# ---- the audit log


def audit(arguments: argparse.Namespace, settings: Settings) -> Iterator[str]:
    """Yield the lines of the audit log; with `--follow`, those that are written later, too.

    Raises:
        SettingsError: there is no journal, or the time is invalid.
        JournalError: the journal cannot be read.
    """
    from guacr.journal.options import AUDIT
    from guacr.session.ids import with_prefix

    wanted = f'"session": "{with_prefix(arguments.session)}"' if arguments.session else ""
    options, since = _options(settings), _since(arguments.since)
    cursor = _cursor(options, AUDIT, decoding_of(arguments.identity), since=since)
    while True:
        for found in cursor.poll():
            line = found.record.payload.decode("ascii", errors="backslashreplace")
            if line and wanted in line:
                yield line
        if not arguments.follow:
            return
        time.sleep(POLL if options.store is None else POLL_STORE)


# ---- recordings


def list_recordings(arguments: argparse.Namespace, settings: Settings) -> Iterator[str]:
    """Yield a line for each recording: its id, when it began, its bytes, whether it is complete,
    its name and its session.

    Raises:
        SettingsError: there is no journal.
        JournalError: it cannot be read.
    """
    from guacr.journal.catalogue import Catalogue
    from guacr.journal.options import RECORDING
    from guacr.journal.sealer import WAL
    from guacr.recording.journal_text import is_text

    options, decoding = _options(settings), decoding_of(arguments.identity)
    archive = options.archive(RECORDING)
    for found in Catalogue(options.directory / WAL, archive, decoding, _warn).summaries():
        begin = datetime.fromtimestamp(found.begin / 1e9, UTC).isoformat(timespec="seconds")
        state = "complete" if found.ended else "incomplete"
        about = found.description.about
        if is_text(about):
            continue
        texts = map(_shown, (about.get("name", ""), about.get("session", "")))
        yield "  ".join((str(found.key), begin, str(found.size), state, *texts))


def save_recording(arguments: argparse.Namespace, settings: Settings) -> str:
    """Write a recording to a new file, its text beside it, and describe this in a sentence.

    Raises:
        SettingsError: there is no journal, the file cannot be created, or arguments are missing.
        NotFoundError: there is no such recording.
        JournalError: the journal cannot be read.
    """
    if not arguments.id or arguments.file is None:
        raise SettingsError("save needs the id of a recording, and a file")
    return save(arguments.id, arguments.file, settings, arguments.identity)


def save(name: str, file: Path, settings: Settings, identity: Path | None) -> str:
    """Write the recording whose id is `name` to a new file, and its text beside it, and describe
    this in a sentence. Raises as `save_recording` does."""
    from guacr.recording.journal_text import text_of
    from guacr.recording.ttyrec import SUFFIX

    options, decoding = _options(settings), decoding_of(identity)
    first, sentence = _save_stream(name, file, options, decoding)
    text = text_of(first.key, first.description.about)
    if text is not None:
        with suppress(NotFoundError):
            _save_stream(str(text), file.with_name(file.name + SUFFIX), options, decoding)
    return sentence


def _save_stream(
    name: str, target: Path, options: Options, decoding: Decoding
) -> tuple[Found, str]:
    """Write a stream to a new file; return its first record, and a sentence."""
    from guacr.journal.options import RECORDING

    epoch = name.partition(".")[0]
    if not _EPOCH.fullmatch(epoch):
        raise NotFoundError(f"there is no recording {shorten(name)}: see the list")
    cursor = _cursor(options, RECORDING, decoding, lambda key, _: str(key) == name, epoch=epoch)
    size = last = missing = time = 0
    is_complete, records = False, cursor.poll()
    first = next(records, None)
    if first is None:
        raise NotFoundError(f"there is no recording {shorten(name)}: see the list")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with ExitStack() as failed:
            with os.fdopen(os.open(target, flags, MODE), "wb") as file:
                failed.callback(target.unlink)
                for found in chain((first,), records):
                    file.write(found.record.payload)
                    size += len(found.record.payload)
                    is_complete = found.record.is_end
                    missing += found.record.sequence - last - 1
                    last, time = found.record.sequence, found.record.time
            os.utime(target, ns=(time, time))  # as if the daemon had written the file
            failed.pop_all()
    except OSError as error:
        raise SettingsError(f"{target} cannot be written: {error.strerror}") from error
    ending = "" if is_complete else "; its end is missing, or still being written"
    if missing:
        ending = f"; {missing} of its records are missing, or damaged{ending}"
    return first, f"{target} has {size} bytes{ending}"


def verify(arguments: argparse.Namespace, settings: Settings) -> Iterator[tuple[bool, str]]:
    """Yield sentences about the archives, each with whether it is about something wrong.

    Raises:
        SettingsError: there is no journal, or the hash is none.
        JournalError: a store cannot be read.
    """
    from guacr.journal.manifest import is_hash
    from guacr.journal.options import AUDIT, RECORDING

    if arguments.head and not is_hash(arguments.head):
        raise SettingsError("--head must be a hash of 64 hexadecimal digits")
    options, without = _options(settings), list[str]()
    for kind in (AUDIT, RECORDING):
        archive = options.archive(kind)
        problems = list(archive.verify())
        yield from ((True, problem) for problem in problems)
        if arguments.head and not archive.has(arguments.head):
            without.append(kind)
        number, digest = archive.manifest.head()
        if number == 0:
            yield False, f"{kind}: the archive is empty"
        elif not problems:
            yield False, f"{kind}: all files are in order, up to entry {number} {digest}"
    if len(without) == 2:
        yield True, f"no entry has the hash {arguments.head}: entries were replaced or removed"


# ---- common


def _options(settings: Settings) -> Options:
    from guacr.journal.options import options_of

    options = options_of(settings)
    if options is None:
        raise SettingsError("there is no journal: set journal.directory")
    return options


def _cursor(
    options: Options,
    kind: str,
    decoding: Decoding,
    wanted: Filter | None = None,
    *,
    since: int = 0,
    epoch: str = "",
) -> Cursor:
    from guacr.journal.reading import Cursor, every
    from guacr.journal.sealer import WAL

    archive = options.archive(kind)
    return Cursor(options.directory / WAL, archive, decoding, _warn, wanted or every, since, epoch)


def decoding_of(path: Path | None) -> Decoding:
    """Return the decoding with the keys in a file, if there is one.

    Raises:
        SettingsError: it cannot be read.
        JournalError: it contains no keys.
    """
    from guacr.journal.encoding import Decoding, decoding

    if path is None:
        return Decoding()
    try:
        with path.open("rb") as file:
            text = file.read(IDENTITIES_MAX).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{path} cannot be read: {reason}") from None
    return decoding(text)


def _since(text: str) -> int:
    """Return a time in nanoseconds since 1970: of the day or moment that `text` names, in the local
    zone unless it has one, or so long ago."""
    found = _AGO.fullmatch(text)
    if found:
        return time.time_ns() - int(found[1]) * _UNITS[found[2]] * 10**9
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1e9) if text else 0
    except (ValueError, OverflowError):
        raise SettingsError(
            f"--since {shorten(text)} is not a time: write 2026-11-29, 2026-11-29T10:15, or 30m, "
            "12h, 7d"
        ) from None


def _warn(text: str) -> None:
    sys.stderr.write(f"guacr: {text}\n")


def _shown(text: str) -> str:
    from guacr.showable import escaped, showable

    return showable(text, escaped)
