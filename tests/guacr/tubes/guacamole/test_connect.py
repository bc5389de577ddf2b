"""The handshake with guacd: the bytes and texts of keeper-pam-webrtc-rs, recorded."""

from __future__ import annotations

import pytest

from guacr.protocol.instruction import encode
from guacr.tubes.errors import GuacdError
from guacr.tubes.guacamole.boundaries import INSTRUCTION_MAX
from guacr.tubes.guacamole.connect import ConnectHandshake, Request
from guacr.tubes.reasons import CloseReason

VERSION = "VERSION_1_5_0"
DESCRIPTION = b"4.size,4.1024,3.768,2.96;5.audio;5.video;5.image;"
NAMES = ("hostname", "port", "username", "domain", "security")


def answer(protocol: str, parameters: dict[str, str], *args: str) -> bytes:
    """What is sent after these `args`."""
    handshake = ConnectHandshake(Request(protocol, parameters))
    handshake.start()
    return handshake.receive(encode("args", *args))


def outcome(handshake: ConnectHandshake) -> tuple[str | None, bytes]:
    return handshake.connection_id, handshake.rest


def values(protocol: str, parameters: dict[str, str], *names: str) -> list[str]:
    """The values that `connect` has for these names."""
    sent = answer(protocol, parameters, VERSION, *names)
    connect = sent[sent.index(b"7.connect,13.VERSION_1_5_0,") :].decode()
    parts = connect.removesuffix(";").split(",")[2:]
    return [part.partition(".")[2] for part in parts]


def test_a_new_connection() -> None:
    handshake = ConnectHandshake(Request("ssh", {"hostname": "h0", "username": "u0"}))
    assert handshake.start() == b"6.select,3.ssh;"
    sent = handshake.receive(encode("args", VERSION, "hostname", "port", "user-name"))
    assert sent == DESCRIPTION + b"7.connect,13.VERSION_1_5_0,2.h0,0.,2.u0;"
    assert outcome(handshake) == (None, b"")
    assert handshake.receive(encode("ready", "$abc")) == b""
    assert outcome(handshake) == ("$abc", b"")


def test_names_are_found_by_their_letters() -> None:
    given = {"Private_Key": "k", "hostname": "h", "user-name": "u"}
    wanted = ("private-key", "privatekey", "PRIVATE_KEY", "Host_Name", "username", "missing")
    assert values("ssh", given, *wanted) == ["k", "k", "k", "h", "u", ""]


def test_the_screen_has_defaults() -> None:
    assert values("ssh", {"height": ""}, "width", "height", "dpi") == ["1024", "768", "96"]
    given = {"width": "800", "height": "600", "dpi": "120"}
    assert values("ssh", given, "width", "height", "dpi") == ["800", "600", "120"]
    assert b"4.size,3.800,3.600,3.120;" in answer("ssh", given, VERSION)


def test_types_of_media() -> None:
    given = {"audio": "a/b,c/d", "image": "image/png,,image/jpeg", "video": ""}
    sent = answer("ssh", given, VERSION)
    assert b"5.audio,3.a/b,3.c/d;5.video;5.image,9.image/png,10.image/jpeg;" in sent


def test_values_are_escaped_by_their_length() -> None:
    sent = answer("ssh", {"password": "pw,with;chärs😀"}, VERSION, "password")
    assert sent.endswith("14.pw,with;chärs😀;".encode())


@pytest.mark.parametrize(
    ("username", "expected"),
    [
        ("joe", ["joe", "given", ""]),
        ("DOM\\joe", ["joe", "DOM", ""]),
        ("a\\b\\c", ["b\\c", "a", ""]),
        ("\\joe", ["joe", "", ""]),
        ("AzureAD\\joe@x.example", ["AzureAD\\joe@x.example", "given", "aad"]),
        (".\\AzureAD\\joe", [".\\AzureAD\\joe", "given", "aad"]),
        ("azuread\\joe", ["azuread\\joe", "given", "aad"]),
    ],
)
def test_domains_in_names_of_rdp(username: str, expected: list[str]) -> None:
    given = {"user_name": username, "domain": "given"}
    assert values("rdp", given, "username", "domain", "security") == expected
    assert values("ssh", given, "username", "domain", "security") == [username, "given", ""]


def test_joining() -> None:
    given = {"connectionid": "$id", "readonly": "True", "hostname": "h", "width": "1"}
    handshake = ConnectHandshake(Request("ssh", given))
    assert handshake.start() == b"6.select,3.$id;"
    sent = handshake.receive(encode("args", VERSION, "hostname", "width", "read-only"))
    assert sent == b"7.connect,13.VERSION_1_5_0,0.,0.,4.true;"


@pytest.mark.parametrize("read_only", ["false", "", "1"])
def test_joining_with_all_rights(read_only: str) -> None:
    given = {"connectionid": "$id", "readonly": read_only}
    assert values("ssh", given, "read-only", "readonly") == ["", ""]


def test_an_empty_connection_id_is_none() -> None:
    assert ConnectHandshake(Request("ssh", {"connectionid": ""})).start() == b"6.select,3.ssh;"


def test_other_versions() -> None:
    given = {"hostname": "h"}
    assert answer("ssh", given, "VERSION_1_6_0", "hostname") == (
        DESCRIPTION + b"7.connect,13.VERSION_1_6_0,1.h;"
    )
    assert answer("ssh", given) == DESCRIPTION + b"7.connect,13.VERSION_1_5_0;"
    assert answer("ssh", given, "hostname", "port") == DESCRIPTION + b"7.connect,1.h,0.;"


def test_supplied_values_replace_others() -> None:
    request = Request("ssh", {"User-Name": "a", "password": "p", "private_key": "k"})
    supplied = request.supplied_with({"username": "b", "private-key": "l", "password": ""})
    assert supplied.values() == {"username": "b", "password": "", "privatekey": "l"}
    assert request.parameters["User-Name"] == "a"


def test_the_database_of_the_login_is_the_one_to_open() -> None:
    names = ("connect-database", "database")
    assert values("mysql", {"connect-database": "a"}, *names) == ["a", "a"]
    assert values("mysql", {"connect-database": "a", "database": "b"}, *names) == ["a", "b"]


def test_bytes_behind_ready_are_kept() -> None:
    handshake = ConnectHandshake(Request("ssh"))
    handshake.receive(encode("args", VERSION))
    behind = encode("required", "password") + encode("size", 0, 1, 2) + b"4.na"
    assert handshake.receive(encode("ready", "$id") + behind) == b""
    assert handshake.rest == behind


def test_split_at_every_byte() -> None:
    handshake = ConnectHandshake(Request("ssh", {"hostname": "hé"}))
    stream = encode("args", VERSION, "hostname") + encode("ready", "$é") + b"4.sync,1.1;"
    sent = b"".join(handshake.receive(stream[n : n + 1]) for n in range(len(stream) - 11))
    assert sent.endswith("7.connect,13.VERSION_1_5_0,2.hé;".encode())
    assert handshake.connection_id == "$é"


def test_everything_at_once() -> None:
    handshake = ConnectHandshake(Request("ssh"))
    handshake.receive(encode("args", VERSION) + encode("ready", "$id") + b"3.nop;")
    assert outcome(handshake) == ("$id", b"3.nop;")


@pytest.mark.parametrize(
    ("received", "text"),
    [
        (
            [encode("error", "msg", "519")],
            """Guacd sent error 'error' (["msg", "519"]) during handshake (expected 'args')""",
        ),
        (
            [encode("args", VERSION), encode("error", 'a "b" é\n')],
            """Guacd sent error 'error' (["a \\"b\\" é\\n"]) during handshake (expected 'ready')""",
        ),
        ([encode("nop")], "Expected Guacd opcode 'args', got 'nop' with args []"),
        ([encode("ready", "x")], """Expected Guacd opcode 'args', got 'ready' with args ["x"]"""),
        (
            [encode("args", VERSION), encode("args", VERSION)],
            """Expected Guacd opcode 'ready', got 'args' with args ["VERSION_1_5_0"]""",
        ),
    ],
)
def test_refusals(received: list[bytes], text: str) -> None:
    handshake = ConnectHandshake(Request("ssh"))
    for data in received[:-1]:
        handshake.receive(data)
    with pytest.raises(GuacdError) as caught:
        handshake.receive(received[-1])
    assert str(caught.value) == text
    assert caught.value.reason is CloseReason.GUACD_ERROR


@pytest.mark.parametrize(
    "garbage",
    [b"HTTP/1.1 400 Bad Request", b"4.args,%d." % INSTRUCTION_MAX, b"4.args,1.\xff;", b"0.;" * 2],
)
def test_what_is_not_guacd(garbage: bytes) -> None:
    handshake = ConnectHandshake(Request("ssh"))
    with pytest.raises(GuacdError):
        handshake.receive(garbage)


def test_an_early_end() -> None:
    handshake = ConnectHandshake(Request("ssh"))
    text = "EOF during Guacd handshake while waiting for '{}' (incomplete data in buffer)"
    assert str(handshake.receive_eof()) == text.format("args")
    handshake.receive(encode("args", VERSION))
    assert str(handshake.receive_eof()) == text.format("ready")


def test_requests_tell_no_secret() -> None:
    assert "s3cret" not in repr(Request("ssh", {"password": "s3cret"}))
