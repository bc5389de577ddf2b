"""`guacr export`: convert a recording."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TextIO

from guacr.cli.journal import save
from guacr.errors import SettingsError

if TYPE_CHECKING:
    from guacr.settings.models import Settings

STANDARD_OUTPUT = Path("-")
ENCODING = "utf-8"
"""Asciicasts have no other, and texts are the same on standard output as in a file."""
MODE = 0o600
"""Permissions of new files, which may contain typed passwords, before the umask."""
FILE_HELP = "a recording, the id of one in the journal (guacr recordings list), or a typescript"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `guacr export`."""
    parser.add_argument("file", type=Path, metavar="FILE", help=FILE_HELP)
    kinds = parser.add_mutually_exclusive_group(required=True)
    for name, meaning in (
        ("mp4", "the picture as a video; needs the program ffmpeg"),
        ("txt", "the text of a terminal and the keys, with their times"),
        ("cast", "the text of a terminal for asciinema (asciicast v2)"),
    ):
        kinds.add_argument(f"--{name}", action="store_const", const=name, dest="kind", help=meaning)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="default: FILE.mp4, FILE.txt, and standard output for --cast",
    )


def export(arguments: argparse.Namespace, load: Callable[[], Settings]) -> None:
    """Convert the recording of `arguments`. `load` reads the settings, which only recordings in the
    journal need.

    Raises:
        SettingsError: a file cannot be read or written.
        GuacrError: the recording does not contain what is wanted, or cannot be read.
    """
    from guacr.recording.journal_library import PREFIX, is_in_journal

    file: Path = arguments.file
    name = str(file).removeprefix(PREFIX)
    if file.exists() or not is_in_journal(PREFIX + name):
        _export(arguments, file, file)
        return
    with TemporaryDirectory() as directory:
        saved = Path(directory, name)
        save(name, saved, load(), arguments.identity)
        _export(arguments, saved, Path(name))


def _export(arguments: argparse.Namespace, file: Path, shown: Path) -> None:
    """Convert a file; the names of results are derived from `shown`."""
    from guacr.recording.export import export_cast, export_text
    from guacr.recording.video import export_video

    kind = arguments.kind
    beside = STANDARD_OUTPUT if kind == "cast" else shown.with_name(f"{shown.name}.{kind}")
    output = arguments.output or beside
    try:
        if kind == "mp4":
            _write_video(export_video, file, output)
        else:
            _write(export_cast if kind == "cast" else export_text, file, output)
    except BrokenPipeError:  # the reader of standard output has stopped
        raise
    except OSError as error:
        if output == STANDARD_OUTPUT and error.filename is None:
            raise
        raise SettingsError(f"{error.filename or output}: {error.strerror}") from error


def _write_video(convert: Callable[[Path, Path], None], file: Path, output: Path) -> None:
    if output == STANDARD_OUTPUT:
        raise SettingsError("a video cannot be printed: name a file with -o")
    _create(output)
    try:
        convert(file, output)
    except BaseException:
        output.unlink()
        raise


def _write(convert: Callable[[Path, TextIO], None], file: Path, output: Path) -> None:
    if output == STANDARD_OUTPUT:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(encoding=ENCODING)
        convert(file, sys.stdout)
        return
    _create(output)
    try:
        with output.open("w", encoding=ENCODING) as target:
            convert(file, target)  # a short text is only written when the file is closed
    except BaseException:
        output.unlink()
        raise


def _create(output: Path) -> None:
    output.touch(MODE, exist_ok=False)
