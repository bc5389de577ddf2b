"""Fuzzes what browsers and operators send besides instructions: queries, forwarded addresses, JSON
of signalling and of requests. All of it is used or refused with its documented error."""

from __future__ import annotations

import contextlib
import json
from urllib.parse import parse_qsl

from guacr.access.query import parse_query
from guacr.errors import BadRequestError, ForbiddenError, GuacrError, UnsupportedError
from guacr.json_text import JsonError, parse_json
from guacr.operators.filters import LIMIT_MAX, Query
from guacr.protocol.audio import AudioFormat
from guacr.protocol.client import SIZE_MAX
from guacr.tubes.service import messages
from guacr.web import forwarded
from handlers.ssh.params import SshParams
from tests.fuzz.driver import main

SAMPLES = [
    b"hostname=h&port=22&username=u&font-size=12&color-scheme=white-black&scrollback=-1&timeout=5",
    b"token=a.b&width=1024.5&height=768&dpi=96&audio=audio/L16&image=image/png&timezone=UTC",
    b"GUAC_WIDTH=800&GUAC_AUDIO=audio/L8&protocol=ssh&hostname=h&version=VERSION_1_5_0&join=1",
    b"search=a&limit=10&after=1.5$a-b&protocol=ssh&worker=1",
    b'{"type": "offer", "sdp": "v=0"}',
    b'{"type": "candidate", "candidate": ""}',
    b'{"type": "resume", "secret": "x", "more": [{"a": 1e300}]}',
    b"audio/L16;rate=44100,channels=2",
    b"[2001:db8::1]:80",
    b"::ffff:192.0.2.1",
]


def one_input(data: bytes) -> None:
    """Use `data` as each of them."""
    text = data.decode(errors="replace")
    pairs = parse_qsl(text, keep_blank_values=True)
    with contextlib.suppress(BadRequestError, ForbiddenError):
        info = parse_query(pairs, {"timezone": "UTC"}).info
        assert 1 <= info.width <= SIZE_MAX
        assert 1 <= info.height <= SIZE_MAX
    with contextlib.suppress(BadRequestError):
        fields = dict(pairs)
        query = Query(search=fields.pop("search", ""), after=fields.pop("after", ""), fields=fields)
        assert query.page([]).total == 0
        assert query.limit <= LIMIT_MAX
    with contextlib.suppress(GuacrError):
        SshParams.parse(dict(pairs))
    with contextlib.suppress(BadRequestError):
        messages.parse(data)
    with contextlib.suppress(UnsupportedError):
        found = AudioFormat.parse(text)
        assert AudioFormat.parse(found.mimetype) == found
    with contextlib.suppress(JsonError):
        json.dumps(parse_json(data), allow_nan=False).encode()
    forwarded._address(text)


if __name__ == "__main__":
    main(one_input, SAMPLES)
