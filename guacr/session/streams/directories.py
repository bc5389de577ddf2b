"""The contents of directories as clients get them: guacd's index, and that of the extension."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

from guacr.protocol.files import entry_fields
from guacr.protocol.instruction import BLOB_MAX
from guacr.session.streams.bodies import FILE_TYPE, INDEX_TYPE
from guacr.session.streams.files import Entry, FileSystem

ENTRIES_MAX = 100_000
"""Maximum entries of a directory that clients of the extension get."""
SIZE_MAX = 16 << 20
"""Maximum characters of a directory, approximately: names may be long."""


async def entries_of(files: FileSystem, path: str) -> AsyncGenerator[Entry, None]:
    """Yield the entries of a directory, without those that no path can name."""
    async with aclosing(files.list(path)) as entries:
        async for entry in entries:
            if entry.name not in ("", ".", "..") and "/" not in entry.name:
                yield entry


async def index_of(files: FileSystem, path: str) -> AsyncGenerator[bytes, None]:
    """Yield a directory as guacd does, in pieces of about the size of a blob."""
    directory = path.rstrip("/")
    text, between = "{", ""
    async with aclosing(entries_of(files, path)) as entries:
        async for entry in entries:
            mimetype = INDEX_TYPE if entry.is_directory else FILE_TYPE
            text += f"{between}{json.dumps(f'{directory}/{entry.name}')}:{json.dumps(mimetype)}"
            between = ","
            if len(text) >= BLOB_MAX:
                yield text.encode()
                text = ""
    yield (text + "}").encode()


async def directory_of(files: FileSystem, path: str) -> AsyncGenerator[bytes, None]:
    """Yield a directory as a JSON object of the extension, in pieces of about the size of a
    blob."""
    features = json.dumps(sorted(feature.value for feature in files.features))
    text, between, count, size = f'{{"features":{features},"entries":[', "", 0, 0
    is_cut = False
    async with aclosing(entries_of(files, path)) as entries:
        async for entry in entries:
            if count == ENTRIES_MAX or size > SIZE_MAX:
                is_cut = True
                break
            count += 1
            fields = entry_fields(
                entry.name,
                is_directory=entry.is_directory,
                size=entry.size,
                modified=entry.modified,
            )
            line = json.dumps(fields, separators=(",", ":"))
            text += between + line
            size += len(line)
            between = ","
            if len(text) >= BLOB_MAX:
                yield text.encode()
                text = ""
    yield f'{text}],"cut":{json.dumps(is_cut)}}}'.encode()
