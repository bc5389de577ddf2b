"""A clipboard in several types at once, which only guacr's page sends and receives.

Its own type is `SEVERAL`. The first line is a JSON object with the length in bytes of each type;
the contents follow in the same order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from guacr.errors import BadRequestError
from guacr.json_text import JsonError, parse_json

SEVERAL = "application/vnd.guacr.clipboard"
TEXT = "text/plain"
TYPES_MAX = 8
HEAD_MAX = 1024
"""Bytes of the first line."""


def pack(contents: Mapping[str, bytes]) -> bytes:
    """Return the contents of several types as one."""
    head = json.dumps({mimetype: len(content) for mimetype, content in contents.items()})
    return b"".join((head.encode(), b"\n", *contents.values()))


def unpack(data: bytes) -> dict[str, bytes]:
    """Return the contents by their types.

    Raises:
        BadRequestError: the data is invalid.
    """
    head, line_end, _ = data[:HEAD_MAX].partition(b"\n")
    try:
        sizes = parse_json(head)
    except JsonError:
        sizes = None
    if not (line_end and isinstance(sizes, dict) and 0 < len(sizes) <= TYPES_MAX):
        raise BadRequestError("the clipboard does not begin with the lengths of its types")
    found: dict[str, bytes] = {}
    at = len(head) + 1
    for mimetype, size in sizes.items():
        if type(size) is not int or not 0 <= size <= len(data) - at:
            raise BadRequestError("the clipboard has another length than its types")
        found[mimetype] = data[at : at + size]
        at += size
    if at != len(data):
        raise BadRequestError("the clipboard has another length than its types")
    return found
