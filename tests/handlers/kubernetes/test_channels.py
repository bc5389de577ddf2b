"""Messages, words of commands and addresses, without a server."""

from __future__ import annotations

import pytest

from guacr.errors import UpstreamError
from handlers.kubernetes import channels, request
from handlers.kubernetes.params import KubernetesParams


def test_what_is_sent() -> None:
    assert channels.stdin(b"ls\r") == b"\0ls\r"
    assert channels.resize(80, 24) == b'\4{"Width":80,"Height":24}'


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"\1out", b"out"),
        (b"\2err", b"err"),
        (b"\1", b""),
        (b"\3", b""),
        (b"", b""),
        (b"\xff\1", b""),
        (b"\7what", b""),
        (b'\3{"status":"Success"}', channels.Ended()),
        (b'\3{"status":"Failure","reason":"NonZeroExitCode"}', channels.Ended(code=1)),
        (b'\3{"status":"Failure","reason":"NonZeroExitCode","details":7}', channels.Ended(code=1)),
        (
            b'\3{"status":"Failure","reason":"NonZeroExitCode","message":"x",'
            b'"details":{"causes":[{"reason":"ExitCode","message":"71"}]}}',
            channels.Ended(code=71),
        ),
        (b'\3{"status":"Failure","message":"no\\nshell"}', channels.Ended("no shell")),
        (b'\3{"status":"Failure"}', channels.Ended("no reason given")),
    ],
)
def test_what_is_read(message: bytes, said: object) -> None:
    assert channels.read(message) == said


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"[]",
        b"\xff",
        b'{"status":"Success","x":' + b"[" * 100_000,
        b'{"status":"Success","x":' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"status":"Success","code":' + b"9" * 5000 + b"}",
        b'{"status":"Success","code":NaN}',
        b'{"status":"Failure","message":"\\ud800"}',
    ],
    ids=range(8),
)
def test_an_end_that_cannot_be_understood(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        channels.read(b"\3" + body)


def test_the_servers_words_are_bounded() -> None:
    body = b'{"message":"' + b"x" * 1000 + b'"}'
    assert len(channels.status_message(body)) == channels.REASON_MAX
    assert channels.status_message(b'{"message":7}') == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bash -l", ["bash", "-l"]),
        ("env TERM=$TERM 'a b' \"${TERM}x\"", ["env", "TERM=xterm", "a b", "xtermx"]),
        ("echo $TERMS", ["echo", "$TERMS"]),
        ("  ", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert request.command(text, "xterm") == words


def test_an_address() -> None:
    values = {"hostname": "::1", "port": "6443", "use-ssl": "true", "pod": "web-0.db",
              "namespace": "shop", "container": "main", "exec-command": "a 'b&c'"}  # fmt: skip
    assert request.address(KubernetesParams.parse(values)) == (
        "wss://[::1]:6443/api/v1/namespaces/shop/pods/web-0.db/exec"
        "?stdin=true&stdout=true&tty=true&container=main&command=a&command=b%26c"
    )
