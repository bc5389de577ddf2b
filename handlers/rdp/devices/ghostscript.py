"""Converts documents from PostScript to PDF by Ghostscript, in a process that is confined."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from asyncio.subprocess import PIPE
from contextlib import suppress
from functools import cache
from pathlib import Path

from guacr.api import BusyError, UnsupportedError, UpstreamError, shorten
from handlers.rdp.open_file import OpenFile

PROGRAM = "gs"
TIMEOUT = 120.0
"""Seconds that a document may take."""
ERROR_MAX = 4096
"""Bytes of messages that are read."""
_CONFINED = "handlers.rdp.devices.confined"
"""The module that gives up what Ghostscript does not need, and becomes it."""
_END, _TAIL = b"%%EOF", 32
"""The end of a PDF, and the bytes among which it is looked for."""
_ROOT = Path(__file__).parents[3]
"""The directory of the package `handlers`."""


@cache
def program() -> str | None:
    """Return the path of Ghostscript; None if it is not installed."""
    return shutil.which(PROGRAM)


async def convert(document: OpenFile, most: int) -> OpenFile:
    """Return a temporary file with a document as PDF.

    Args:
        document: the document in PostScript.
        most: bytes of the PDF, and of each temporary file.

    Raises:
        UnsupportedError: Ghostscript is not installed.
        UpstreamError: the document is not valid, or too large.
        BusyError: Ghostscript cannot be run.
    """
    path = program()
    if path is None:
        raise UnsupportedError("Ghostscript is not installed on the daemon's machine")
    made = OpenFile()
    try:
        directory = await asyncio.to_thread(_prepare, made, document)
        try:
            await _run(path, directory, document, made, most)
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True))
    except OSError as error:
        made.release()
        raise BusyError(f"Ghostscript cannot be run: {os.strerror(error.errno or 0)}") from None
    except BaseException:
        made.release()
        raise
    return made


def _prepare(made: OpenFile, document: OpenFile) -> str:
    """Open the file for the result, and return a directory for Ghostscript's temporary files."""
    with tempfile.TemporaryFile(buffering=0) as file:
        made.descriptor = os.dup(file.fileno())
    os.lseek(document.descriptor, 0, os.SEEK_SET)
    return tempfile.mkdtemp(prefix="guacr-print-")


async def _run(path: str, directory: str, document: OpenFile, made: OpenFile, most: int) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-S", "-m", _CONFINED, path, directory, str(most)),
        stdin=document.descriptor,
        stdout=made.descriptor,
        stderr=PIPE,
        cwd="/",
        env={"PYTHONPATH": str(_ROOT)},
    )
    try:
        async with asyncio.timeout(TIMEOUT):
            error = await _errors(process)
            code = await process.wait()
    except TimeoutError:
        raise UpstreamError(f"Ghostscript has not converted it within {TIMEOUT:g} s") from None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())
    if code or not await asyncio.to_thread(_is_whole, made.descriptor):
        raise UpstreamError(f"Ghostscript cannot convert it: {error or f'status {code}'}")


def _is_whole(descriptor: int) -> bool:
    """Return whether a PDF has its end: Ghostscript exits with 0 even if the file is too large."""
    size = os.fstat(descriptor).st_size
    return _END in os.pread(descriptor, _TAIL, max(size - _TAIL, 0))


async def _errors(process: asyncio.subprocess.Process) -> str:
    """Return the end of the last message of a process, once it has closed its standard error."""
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    told = b""
    while piece := await process.stderr.read(ERROR_MAX):
        told = (told + piece)[-ERROR_MAX:]
    lines = told.decode("utf-8", "replace").strip().splitlines()
    return shorten(lines[0], 200) if lines else ""
