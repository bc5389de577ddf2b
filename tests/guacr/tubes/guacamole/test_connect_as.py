"""ConnectAs: blocks of an independent implementation, hostile ones, and what may be supplied."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from guacr.tubes.errors import ConnectAsError, TubeSettingsError
from guacr.tubes.guacamole.connect_as import ConnectAs
from guacr.tubes.reasons import CloseReason
from guacr.tubes.settings import ConnectAsSettings
from tests.support.connect_as import Gateway, encoded

GATEWAY = Gateway()
USER = {
    "username": "alice",
    "password": "s3cret",
    "private_key": "KEY",
    "passphrase": "",
    "domain": "CORP",
    "connect_database": "sales",
    "distinguished_name": "cn=alice",
}
CAPTURED_KEY = 0xC026BE17C86FF83AB3CEE6614491F51AA5D7C16138DB55A62E77282BB0C857F7
CAPTURED = bytes.fromhex(
    "0000006c047cc46c9145ddef8f63b272fffc7c613e86ce4f7e535b7aa378a5dfcc32855ce2b291c8c953a5336e"
    "1d32db52460fe4504b9fb149c3019907dd04be9d0639f73e51db73c901ab128a04b7746229c73b217bcf0aec64"
    "41429d8a217b0aa5adb2cd7cb557536ddd185a7aa1b36d933fa1cf8e5de59035a8c99ae03da7460679145133536c"
    "c779b8372c408bf2b897101e10adfddf44bf88807191e64ab1e2ff68f4714b64bd65627e272f5934d341a5bf7b"
    "77393e06836bcf73"
)
"""A block of Keeper Commander 18.1.8, for the key before."""


def connect_as(*, user: bool = True, host: bool = True, gateway: Gateway = GATEWAY) -> ConnectAs:
    return ConnectAs(ConnectAsSettings(user, host, gateway.pem))


def test_a_block_of_commander() -> None:
    one = connect_as(gateway=Gateway(CAPTURED_KEY))
    expected = {"username": "alice", "password": "s3crét;,", "passphrase": 'p"p'}
    assert one.parameters(CAPTURED) == expected


def test_all_fields() -> None:
    block = GATEWAY.block({"user": USER, "host": "db.example", "port": 5432, "more": [1]})
    assert connect_as().parameters(block) == {
        "username": "alice",
        "password": "s3cret",
        "private-key": "KEY",
        "passphrase": "",
        "domain": "CORP",
        "connect-database": "sales",
        "distinguished-name": "cn=alice",
        "hostname": "db.example",
        "port": "5432",
    }


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"private_key_passphrase": "a"}, {"passphrase": "a"}),
        ({"passphrase": "b", "private_key_passphrase": "a"}, {"passphrase": "b"}),
        ({"username": None, "password": "p"}, {"password": "p"}),
        (None, {}),
        ({}, {}),
    ],
)
def test_some_fields(user: object, expected: dict[str, str]) -> None:
    assert connect_as().parameters(GATEWAY.block({"user": user})) == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"host": "h"}, {"hostname": "h"}),
        ({"host": "", "port": 0}, {}),
        ({"host": None, "port": None}, {}),
        ({"port": 65535}, {"port": "65535"}),
    ],
)
def test_targets(target: object, expected: dict[str, str]) -> None:
    assert connect_as().parameters(GATEWAY.block(target)) == expected


def test_what_is_not_allowed_is_ignored() -> None:
    block = GATEWAY.block({"user": {"username": "alice"}, "host": "h", "port": 1})
    only_user = connect_as(host=False).parameters(block)
    assert only_user == {"username": "alice"}
    only_host = connect_as(user=False).parameters(block)  # which includes credentials for it
    assert only_host == {"username": "alice", "hostname": "h", "port": "1"}
    nothing = connect_as(user=False, host=False)
    assert nothing.parameters(block) == nothing.parameters(b"\0") == {}
    without_key = ConnectAs(ConnectAsSettings(True))
    assert without_key.parameters(block) == {}


def test_later_connections_have_the_values_of_earlier_ones() -> None:
    one = connect_as()
    assert one.parameters(b"") == {}
    one.parameters(GATEWAY.block({"user": {"username": "alice", "password": "p"}}))
    assert one.parameters(b"") == {"username": "alice", "password": "p"}
    second = one.parameters(GATEWAY.block({"user": {"username": "bob"}, "host": "h"}))
    assert second == one.parameters(b"") == {"username": "bob", "password": "p", "hostname": "h"}
    with pytest.raises(ConnectAsError):
        one.parameters(GATEWAY.block({"user": {"username": "eve"}, "port": "x"}))
    assert one.parameters(b"") == second
    second["username"] = "changed"
    assert one.parameters(b"")["username"] == "bob"


def test_bytes_behind_a_block_are_ignored() -> None:
    block = GATEWAY.block({"user": {"username": "alice"}})
    assert connect_as().parameters(block + b"more") == {"username": "alice"}


def test_a_block_that_is_cut_anywhere() -> None:
    block = GATEWAY.block({"user": USER})
    for size in range(1, len(block)):
        with pytest.raises(ConnectAsError, match=r"too short|cut off"):
            connect_as().parameters(block[:size])


def test_a_block_that_is_damaged_anywhere() -> None:
    block = GATEWAY.block({"user": USER})
    for at in range(len(block)):
        for bit in (1, 0x80):
            damaged = block[:at] + bytes([block[at] ^ bit]) + block[at + 1 :]
            with pytest.raises(ConnectAsError) as caught:
                connect_as().parameters(damaged)
            assert caught.value.reason is CloseReason.DECRYPTION_FAILED


@pytest.mark.parametrize("point", [bytes(65), b"\x04" + bytes(64), encoded((1, 1)), b"\xff" * 65])
def test_points_that_are_not_on_the_curve(point: bytes) -> None:
    block = GATEWAY.block({})
    with pytest.raises(ConnectAsError):
        connect_as().parameters(block[:4] + point + block[69:])


def test_a_compressed_point_is_refused() -> None:
    block = GATEWAY.block({})
    with pytest.raises(ConnectAsError, match="uncompressed"):
        connect_as().parameters(block[:4] + b"\x02" + block[5:37] + bytes(32) + block[69:])


def test_a_block_for_another_gateway() -> None:
    with pytest.raises(ConnectAsError, match="not for the key of this gateway"):
        connect_as().parameters(Gateway().block({}))


@pytest.mark.parametrize(
    "content",
    [
        b"no JSON",
        b"",
        b'{"user": {"username": "\\ud800"}}',
        b"[" * 5000,
        b"\xff",
        [],
        "text",
        {"user": []},
        {"user": {"password": 5}},
        {"user": {"username": ["a"]}},
        {"host": 1},
        {"port": "22"},
        {"port": 65536},
        {"port": -1},
        {"port": True},
        {"port": 1.5},
    ],
)
def test_contents_that_are_refused(content: object) -> None:
    with pytest.raises(ConnectAsError) as caught:
        connect_as().parameters(GATEWAY.block(content))
    assert "ConnectAs block" in str(caught.value)


def test_messages_tell_no_secret() -> None:
    block = GATEWAY.block({"user": {"username": "alice", "password": ["s3cret"]}})
    with pytest.raises(ConnectAsError) as caught:
        connect_as().parameters(block)
    assert "s3cret" not in str(caught.value)
    settings = ConnectAsSettings(gateway_private_key=GATEWAY.pem)
    assert "PRIVATE" not in repr(settings)


def test_private_keys_that_are_refused() -> None:
    other_curve = ec.generate_private_key(ec.SECP384R1())
    other_kind = rsa.generate_private_key(65537, 2048)
    for key in (other_curve, other_kind):
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with pytest.raises(TubeSettingsError, match="P-256"):
            ConnectAs(ConnectAsSettings(True, gateway_private_key=pem.decode()))
    locked = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")
    )
    for text in ("garbage", locked.decode()):
        with pytest.raises(TubeSettingsError, match="PKCS#8"):
            ConnectAs(ConnectAsSettings(True, gateway_private_key=text))
