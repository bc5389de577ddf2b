"""Requests that no browser sends: each has an answer, and none leaves a traceback."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
from collections.abc import AsyncIterator
from unittest.mock import Mock
from urllib.parse import urlsplit

import pytest

from tests.support.site import Site, running_site

SECRET = "the secret of this start"


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with running_site() as running:
        yield running


@pytest.fixture
async def guarded() -> AsyncIterator[Site]:
    async with running_site(secret=SECRET) as running:
        yield running


async def answer(site: Site, request: bytes) -> tuple[int, bytes]:
    """Status and body of what comes back, which no answer signs with names of libraries."""
    place = urlsplit(site.origin)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        host = f"Host: {place.netloc}\r\nConnection: close\r\n".encode()
        writer.write(request.replace(b"HOST\r\n", host))
        async with asyncio.timeout(10):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    assert [line for line in head.splitlines() if line.startswith(b"Server:")] == [b"Server: guacr"]
    assert b"aiohttp" not in body
    assert b"Python" not in body
    return int(head.split()[1]), body


def posted(path: str, body: bytes, headers: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHOST\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def no_traceback(caplog: pytest.LogCaptureFixture) -> bool:
    return not any(record.exc_info for record in caplog.records)


BODIES = {
    "empty": b"",
    "not json": b"{",
    "no object": b"[1]",
    "not UTF-8": b'{"tunnel": "\xff"}',
    "UTF-16": '{"tunnel": "a"}'.encode("utf-16"),
    "many digits": b'{"tunnel": ' + b"9" * 5000 + b"}",
    "no number": b'{"tunnel": NaN}',
    "deep": b'{"tunnel": ' + b"[" * 30_000,
    "deep and whole": b'{"tunnel": ' + b"[" * 900 + b"]" * 900 + b"}",
    "half a character": b'{"tunnel": "\\ud800", "protocol": "\\ud800"}',
    "half a character within": b'{"protocol": "sketch", "parameters": {"colour": "\\udfff"}}',
}
CHARSETS = [
    "unknown",
    "utf-7",
    "rot13",
    "idna",
    "zip",
    "utf-16",
    "\N{LATIN SMALL LETTER E WITH ACUTE}",
]


@pytest.mark.parametrize("path", ["/api/join", "/api/form"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_bodies(site: Site, path: str, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    status, said = await answer(site, posted(path, body))
    assert status == 400
    assert said == b"The request must contain a JSON object.\n"
    assert no_traceback(caplog)


@pytest.mark.parametrize("charset", CHARSETS)
async def test_charsets_do_not_count(
    site: Site, charset: str, caplog: pytest.LogCaptureFixture
) -> None:
    """JSON is UTF-8."""
    headers = f"Content-Type: application/json; charset={charset}\r\n"
    status, said = await answer(site, posted("/api/join", b'{"tunnel": "none"}', headers))
    assert status == 404
    assert b"this session has ended" in said
    assert no_traceback(caplog)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", b"no gzip"),
        ("deflate", b"\xff" * 40),
        ("gzip", gzip.compress(b'{"tunnel": "' + b"x" * 10_000_000 + b'"}')),
    ],
    ids=["gzip", "deflate", "bomb"],
)
async def test_compressed_bodies(
    site: Site, encoding: str, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    headers = f"Content-Encoding: {encoding}\r\n"
    status, _ = await answer(site, posted("/api/join", body, headers))
    assert status in (400, 413)
    assert no_traceback(caplog)


@pytest.mark.parametrize(
    "headers",
    [
        b"HOST\r\nCookie: guacr=\xff\xfe\r\n",
        b"HOST\r\nCookie: guacr-PORT=\xff\xfe\r\n",
        b"HOST\r\nCookie: guacr-PORT=\xc3\xa9\r\n",
        b"Host: \xff\xfe\r\n",
        b"Host: [::1\r\n",
        b"Host: 127.0.0.1:99999999\r\n",
        b"Host: 127.0.0.1:\xd9\xa3\r\n",
        b"HOST\r\nOrigin: http://[::1\r\nUpgrade: websocket\r\n",
        b"HOST\r\nOrigin: \xff\r\nUpgrade: websocket\r\n",
        b"HOST\r\nOrigin: http://a:\xff\r\nUpgrade: websocket\r\n",
    ],
    ids=range(10),
)
async def test_headers(guarded: Site, headers: bytes, caplog: pytest.LogCaptureFixture) -> None:
    port = str(urlsplit(guarded.origin).port).encode()
    request = b"GET / HTTP/1.1\r\n" + headers.replace(b"PORT", port)
    status, _ = await answer(guarded, request + b"Connection: close\r\n\r\n")
    assert status in (400, 403)
    assert no_traceback(caplog)


@pytest.mark.parametrize(
    "target",
    [
        b"/?secret=\xff\xfe",
        b"/?secret=%ff%fe",
        b"/?secret=%ed%a0%80",
        b"/?%=%&=&;",
        b"/\xff",
        b"//[",
        b"http://[::1/",
        b"http://a:b/",
        b"/websocket?width=\xd9\xa3",
    ],
    ids=range(9),
)
async def test_targets(guarded: Site, target: bytes, caplog: pytest.LogCaptureFixture) -> None:
    status, _ = await answer(guarded, b"GET " + target + b" HTTP/1.1\r\nHOST\r\n\r\n")
    assert status in (400, 403, 404)
    assert no_traceback(caplog)


@pytest.mark.parametrize(
    "path",
    ["/static/" + "a" * 5000, "/static/" + "a/" * 5000, "/static/..%2fapp.py", "/static/%00"],
)
async def test_files_that_are_not_there(
    site: Site, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    status, _ = await answer(site, f"GET {path} HTTP/1.1\r\nHOST\r\n\r\n".encode())
    assert status == 404
    assert no_traceback(caplog)


@pytest.mark.parametrize("parameters", [b'"text"', b"[]", b'{"hostname": [1]}', b'{"port": {}}'])
async def test_parameters_of_a_form_that_are_no_texts(site: Site, parameters: bytes) -> None:
    body = b'{"protocol": "sketch", "parameters": ' + parameters + b"}"
    status, said = await answer(site, posted("/api/form", body))
    assert (status, said) == (400, b"The parameters must be an object of texts.\n")


@pytest.mark.parametrize(
    ("path", "status"), [("/", 403), ("/health", 200), ("/api/connections", 403)]
)
async def test_a_request_without_a_host_waits_for_no_resolver(
    site: Site, path: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Mock(return_value="localhost")
    monkeypatch.setattr("socket.getfqdn", asked)
    assert (await answer(site, f"GET {path} HTTP/1.0\r\n\r\n".encode()))[0] == status
    asked.assert_not_called()


QUERIES = [
    b"width=%D9%A3&height=1_0&connection=sketch",
    b"width=1_0&height=480&connection=sketch",
    b"width=" + b"9" * 5000 + b"&connection=sketch",
    b"token=a.b.c.d.e",
    b"token=eyJhbGciOiJkaXIiLCJlbmMiOltdfQ....",
    b"token=%ed%a0%80",
    b"token=\xff",
    b"connection=\xff%00",
    b"connection=sketch&\xff=\xff",
    b"connection=sketch&version=VERSION_1_0",
    b"connection=sketch&image=\xff&timezone=%00",
]


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
async def test_queries_of_a_websocket(
    site: Site, query: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    headers = (
        b"HOST\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        b"Sec-WebSocket-Protocol: \xff, guacamole\r\n"
    )
    request = b"GET /websocket?" + query + b" HTTP/1.1\r\n" + headers + b"\r\n"
    place = urlsplit(site.origin)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        host = f"Host: {place.netloc}\r\nConnection: Upgrade\r\n".encode()
        writer.write(request.replace(b"HOST\r\n", host))
        async with asyncio.timeout(10):
            status = (await reader.readline()).split()[1]
            await reader.readuntil(b"\r\n\r\n")
            if status == b"101":  # a session, or why there is none
                frame = await reader.readexactly(2)
                while frame[:1] == b"\x81":
                    said = await reader.readexactly(frame[1])
                    if b"5.ready" in said or b"5.error" in said:
                        break
                    frame = await reader.readexactly(2)
    finally:
        writer.close()
    assert status in (b"101", b"400")
    assert no_traceback(caplog)
    assert logging.getLevelName(40) not in {record.levelname for record in caplog.records}


UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


async def test_a_browser_that_leaves_before_its_websocket_is_accepted_leaves_no_traceback(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    place = urlsplit(site.origin)
    with socket.create_connection((place.hostname, place.port)) as connection:
        head = f"GET /websocket?connection=sketch HTTP/1.1\r\nHost: {place.netloc}\r\n"
        connection.sendall((head + UPGRADE).encode())
    status, _ = await answer(site, b"GET /health HTTP/1.1\r\nHOST\r\n\r\n")
    assert status == 200
    assert no_traceback(caplog)
    assert not site.bench.registry.sessions


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (
            b"\x16\x03\x01\x02\x00\x01\x00\x01",
            "it uses TLS, but this port does not: set websocket.tls_certificate",
        ),
        (b"6.select,3.ssh;", "it does not speak HTTP"),
        (b"GET /?token=hidden HTTP/9.9\r\n\r\n", "it does not speak HTTP"),
        (b"GET /?token=hidden HTTP/1.1\r\n\r\n", "the request is not HTTP: Missing 'Host' header"),
        (
            b"GET /?token=hidden HTTP/1.1\r\nHOST\r\nContent-Length: hidden\r\n\r\n",
            "the request is not HTTP: Invalid character in Content-Length",
        ),
        (
            b"GET /?token=" + b"hidden" * 20_000 + b" HTTP/1.1\r\nHOST\r\n\r\n",
            "the request's first line or a header is too long",
        ),
        (posted("/api/join", b"hidden"), "The request must contain a JSON object."),
        (posted("/api/join", b'{"tunnel": "hidden"}'), "this session has ended"),
        (posted("/api/join", b"x" * 70_000), "Maximum request body size 65536 exceeded"),
        (b"GET /websocket?token=hidden HTTP/1.1\r\nHOST\r\n\r\n", "No WebSocket UPGRADE hdr"),
    ],
    ids=range(10),
)
async def test_each_refusal_leaves_one_line(
    site: Site, request_: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await answer(site, request_))[0] in (400, 404, 413)
    (line,) = [record for record in caplog.records if record.name.startswith("guacr")]
    assert line.levelname == "WARNING"
    assert line.getMessage().startswith(f"refused 127.0.0.1: {reason}")
    assert "hidden" not in line.getMessage()
    assert no_traceback(caplog)
