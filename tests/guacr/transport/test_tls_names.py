"""The names in certificates."""

from types import SimpleNamespace
from typing import Any

import pytest

from guacr.policy.client import Client
from guacr.transport.tls_names import NAME_MAX, NAMES_MAX, names_of
from guacr.transport.websocket import client_of

SUBJECT = ((("organizationName", "x"),), (("commonName", "ann"),))


@pytest.mark.parametrize(
    ("certificate", "names"),
    [
        (None, ()),
        ({}, ()),
        ({"subject": SUBJECT}, ("ann",)),
        ({"subject": SUBJECT, "subjectAltName": (("DNS", "a.example"),)}, ("a.example",)),
        (
            {"subjectAltName": (("email", "a@b"), ("URI", "spiffe://x"), ("IP Address", "::1"),
                                ("DirName", "other"), ("DNS", "a"), ("DNS", "a"))},
            ("a", "spiffe://x", "a@b", "::1"),
        ),
        (
            {"subjectAltName": (("IP Address", "2001:DB8:0:0:0:0:0:1"), ("IP Address", "10.0.0.1"),
                                ("IP Address", "<invalid>"))},
            ("2001:db8::1", "10.0.0.1"),
        ),
        ({"subject": SUBJECT, "subjectAltName": (("DirName", "other"),)}, ("ann",)),
        ({"subject": (*SUBJECT, (("commonName", "ben"),))}, ("ann",)),
        ({"subject": ((("commonName", "a\0b"),),)}, ()),
        ({"subject": ((("commonName", "a" * (NAME_MAX + 1)),),)}, ()),
    ],
)  # fmt: skip
def test_names(certificate: dict[str, Any] | None, names: tuple[str, ...]) -> None:
    assert names_of(certificate) == names


@pytest.mark.parametrize(("remote", "names"), [("10.0.0.1", ("a",)), ("10.0.0.2", ())])
def test_the_certificate_of_a_proxy_is_not_that_of_its_clients(
    remote: str, names: tuple[str, ...]
) -> None:
    peer = {
        "peername": ("::ffff:10.0.0.1", 1234, 0, 0),
        "ssl_object": SimpleNamespace(getpeercert=lambda: {"subject": ((("commonName", "a"),),)}),
    }
    transport = SimpleNamespace(get_extra_info=lambda name, default=None: peer.get(name, default))
    request: Any = SimpleNamespace(transport=transport, remote=remote)
    assert client_of(request, "webrtc") == Client("webrtc", remote, names)


def test_there_is_a_limit() -> None:
    many = tuple(("DNS", f"a{n}") for n in range(NAMES_MAX + 1))
    assert len(names_of({"subjectAltName": many})) == NAMES_MAX
