"""Fuzzes what reaches tubes besides their wire format: SOCKS5 clients, candidates, answers of
multicast DNS, and credentials of ConnectAs."""

from __future__ import annotations

import contextlib

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from guacr.tubes.connections.allow import AllowRules
from guacr.tubes.connections.socks import SocksHandshake
from guacr.tubes.errors import CandidateError, ConnectAsError, TubeSettingsError
from guacr.tubes.guacamole import connect_as
from guacr.tubes.rtc.ice import candidates, mdns
from guacr.tubes.settings import ConnectAsSettings
from tests.fuzz.driver import main

_NUMBER = ec.derive_private_key(12345, ec.SECP256R1())
PEM = _NUMBER.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
SETTINGS = ConnectAsSettings(
    gateway_private_key=PEM, allow_supply_user=True, allow_supply_host=True
)
_POINT = bytes.fromhex(
    "04"
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
SAMPLES = [
    b"\5\1\0\5\1\0\3\4host\0\x16data", b"\5\2\0\2\5\3\0\1\x7f\0\0\1\0\x50",
    b"\5\1\0\5\1\0\4" + bytes(18),
    b"candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host generation 0 ufrag abcd",
    b"a=candidate:2 1 UDP 1 0a-b.local 9 typ srflx raddr 0.0.0.0 rport 9\r\n",
    mdns.question("a.local", 1),
    b"\0\0\x84\0\0\0\0\1\0\0\0\0\1a\5local\0\0\1\x80\1\0\0\0\x78\0\4\xc0\0\2\1",
    b"\0\0\x84\0\0\1\0\1\0\0\0\0\1a\0\0\1\0\1\xc0\x0c\0\x1c\0\1\0\0\0\1\0\x10" + bytes(16),
    b"\0\0\0\x10" + _POINT + bytes(12 + 16),
    b'{"user": {"username": "u", "password": null}, "host": "h", "port": 22}   ',
    b"*.example.com\n10.0.0.0/8\n::/0\nhost",
]  # fmt: skip


def one_input(data: bytes) -> None:
    """Read `data` as each of them."""
    step = 1 + sum(data[:2]) % 7
    whole = _greet([data])
    assert whole == _greet([data[at : at + step] for at in range(0, len(data), step)])
    text = data.decode(errors="replace")
    with contextlib.suppress(CandidateError):
        if (found := candidates.parse(text)) is not None:
            candidates.parse(candidates.text_of(found.candidate))
            if not found.is_name:
                candidates.is_reachable(found.candidate.host, loopback=True)
    with contextlib.suppress(ValueError):
        assert len(list(mdns.addresses(data))) <= mdns.RECORDS_MAX
    with contextlib.suppress(ConnectAsError):
        connect_as.ConnectAs(SETTINGS).parameters(data)
    with contextlib.suppress(ConnectAsError):
        content = connect_as._parse(data)
        connect_as._user(content.get("user"))
        connect_as._target(content.get("host"), content.get("port"))
    with contextlib.suppress(TubeSettingsError):
        rules = AllowRules.parse(text.split("\n"), [])
        rules.permitted("a.example.com", ["192.0.2.1", "::1"])


def _greet(parts: list[bytes]) -> tuple[bytes, object, bool, bytes]:
    handshake, answer, rest = SocksHandshake(), b"", b""
    for part in parts:
        if handshake.request is None:
            answer += handshake.feed(part)
        else:
            rest += part
    return answer, handshake.request, handshake.has_failed, handshake.rest + rest


if __name__ == "__main__":
    main(one_input, SAMPLES)
