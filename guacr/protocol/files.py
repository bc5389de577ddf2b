"""The types and answers of the extension for files (docs/protocol.md)."""

from __future__ import annotations

from math import isfinite
from typing import Any

DIRECTORY_TYPE = "application/vnd.guacr.directory+json"
"""The type of a directory, which clients of the extension name in the handshake."""
ANSWER_TYPE = "application/vnd.guacr.answer+json"
"""The type of the answer to a request that has succeeded."""
ARCHIVE_TYPE = "application/zip"


def entry_fields(
    name: str, *, is_directory: bool, size: int | None, modified: float | None
) -> dict[str, Any]:
    """Return a file or directory for JSON; what is unknown is left out."""
    entry: dict[str, Any] = {"name": name}
    if is_directory:
        entry["directory"] = True
    elif size is not None:
        entry["size"] = size
    if modified is not None and isfinite(modified):
        entry["modified"] = modified
    return entry
