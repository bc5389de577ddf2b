"""The HTTP answers of gateways."""

from __future__ import annotations

import pytest

from handlers.rdp.gateway import http
from handlers.rdp.gateway.http import HttpError

KEY, PROOF = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The example of RFC 6455 1.3."""


def answer(*lines: str) -> http.Answer:
    return http.parse("".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1"))


def test_an_answer() -> None:
    found = answer(
        "HTTP/1.1 401 No", "WWW-Authenticate: NTLM abc=, Basic realm=x",
        "www-authenticate:Negotiate", "Content-Length: 12",
    )  # fmt: skip
    assert (found.status, found.size, found.is_chunked) == (401, 12, False)
    assert found.values("www-authenticate") == ["NTLM abc=", "Basic realm=x", "Negotiate"]
    assert not found.accepts(KEY)


@pytest.mark.parametrize(
    "line", ["", "Upgrade: h2c", "Connection: close", "Sec-WebSocket-Accept: AAAA"]
)
def test_what_opens_a_websocket(line: str) -> None:
    """Each line is missing or wrong once."""
    lines = {
        "Upgrade": "WebSocket",
        "Connection": "keep-alive, Upgrade",
        "Sec-WebSocket-Accept": PROOF,
    }
    name, _, value = line.partition(": ")
    for changed in ({}, {name: value}) if line else ({},):
        found = lines | changed
        accepted = answer("HTTP/1.1 101 X", *(f"{n}: {v}" for n, v in found.items())).accepts(KEY)
        assert accepted == (found == lines)
    missing = [f"{n}: {v}" for n, v in lines.items() if n != name]
    assert answer("HTTP/1.1 101 X", *missing).accepts(KEY) == (not line)


@pytest.mark.parametrize(
    "lines",
    [
        ("SSH-2.0-OpenSSH",), ("HTTP/2 200",), ("HTTP/1.1 2x0 OK",), ("HTTP/1.1",),
        ("HTTP/1.1 200 OK", "no colon"),
        ("HTTP/1.1 200 OK", *(f"X-{n}: y" for n in range(http.HEADERS_MAX + 1))),
    ],
)  # fmt: skip
def test_answers_that_are_invalid(lines: tuple[str, ...]) -> None:
    with pytest.raises(HttpError):
        answer(*lines)


def test_as_many_headers_as_allowed() -> None:
    answer("HTTP/1.1 200 OK", *(f"X-{n}: y" for n in range(http.HEADERS_MAX)))


@pytest.mark.parametrize("size", ["-1", "1, 2", "x", "\u00b2", "+3"])
def test_sizes_that_are_none(size: str) -> None:
    with pytest.raises(HttpError):
        _ = answer("HTTP/1.1 200 OK", f"Content-Length: {size}").size


def test_chunks() -> None:
    assert http.chunk_size(b"1f;name=value\r\n") == 31
    for line in (b"\r\n", b"x\r\n", b";\r\n"):
        with pytest.raises(HttpError):
            http.chunk_size(line)


def test_a_request() -> None:
    assert (
        http.request("M", "/p", [("A", "b"), ("C", "d")])
        == b"M /p HTTP/1.1\r\nA: b\r\nC: d\r\n\r\n"
    )
