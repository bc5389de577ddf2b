"""The handshake with clients of every version, and with those that break it."""

import pytest

from guacr.errors import BadRequestError, GuacrError, ProtocolError
from guacr.protocol.handshake import Connect, Handshake, Selected
from guacr.protocol.instruction import Instruction

NAMES = ["hostname", "port", "password"]


def selected() -> Handshake:
    handshake = Handshake()
    assert handshake.receive(Instruction("select", ("ssh",))) == Selected("ssh")
    assert handshake.args(NAMES) == (b"4.args,13.VERSION_1_5_0,8.hostname,4.port,8.password;")
    return handshake


def connect(handshake: Handshake, *args: str) -> Connect:
    event = handshake.receive(Instruction("connect", args))
    assert isinstance(event, Connect)
    return event


def test_everything_that_a_client_says() -> None:
    handshake = selected()
    for opcode, *args in [
        ("size", "1024", "768", "192"),
        ("audio", "audio/L8", "audio/L16"),
        ("video",),
        ("image", "image/png", "image/webp"),
        ("clipboard", "text/html"),
        ("files", "a/b"),
        ("timezone", "Europe/Berlin"),
        ("name", "Zoë"),
        ("unheard-of", "x"),
    ]:
        assert handshake.receive(Instruction(opcode, tuple(args))) is None
    event = connect(handshake, "VERSION_1_5_0", "host", "", "secret")
    assert event.select == "ssh"
    assert event.values == {"hostname": "host", "password": "secret"}
    info = event.info
    assert (info.width, info.height, info.dpi) == (1024, 768, 192)
    assert info.audio == ("audio/L8", "audio/L16")
    assert info.video == ()
    assert info.image == ("image/png", "image/webp")
    assert info.clipboard == ("text/html",)
    assert info.files == ("a/b",)
    assert (info.timezone, info.name) == ("Europe/Berlin", "Zoë")
    assert info.takes_msg


@pytest.mark.parametrize(
    ("text", "version", "required", "msg"),
    [
        ("", (1, 0, 0), False, False),
        ("VERSION_1_1_0", (1, 1, 0), False, False),
        ("VERSION_1_3_0", (1, 3, 0), True, False),
        ("VERSION_1_5_0", (1, 5, 0), True, True),
        ("VERSION_9_0_0", (1, 5, 0), True, True),
        ("VERSION_0_5_0", (1, 0, 0), False, False),
        ("VERSION_x", (1, 0, 0), False, False),
        ("VERSION_1_5", (1, 0, 0), False, False),
        ("VERSION_1_5_99999", (1, 0, 0), False, False),
    ],
)
def test_versions(text: str, version: tuple[int, int, int], required: bool, msg: bool) -> None:
    info = connect(selected(), text, "a", "b", "c").info
    assert info.version == version
    assert (info.takes_required, info.takes_msg) == (required, msg)


def test_nothing_but_connect_is_needed() -> None:
    info = connect(selected(), "", "", "", "").info
    assert (info.width, info.height, info.dpi) == (1024, 768, 96)


def test_later_answers_replace_earlier_ones() -> None:
    handshake = selected()
    handshake.receive(Instruction("size", ("10", "10")))
    handshake.receive(Instruction("size", ("20", "30", "0")))
    info = connect(handshake, "", "", "", "").info
    assert (info.width, info.height, info.dpi) == (20, 30, 96)


@pytest.mark.parametrize(
    "values", [(), ("VERSION_1_5_0",), ("", "a", "b"), ("", "a", "b", "c", "d")]
)
def test_wrong_number_of_values(values: tuple[str, ...]) -> None:
    with pytest.raises(BadRequestError, match="connect takes 4 values"):
        selected().receive(Instruction("connect", values))


@pytest.mark.parametrize(
    ("size", "error"),
    [
        (("0", "0"), BadRequestError),
        (("0", "768"), BadRequestError),
        (("-1", "768"), BadRequestError),
        (("8193", "768"), BadRequestError),
        (("100000", "100000"), BadRequestError),
        (("wide", "768"), BadRequestError),
        (("1024",), ProtocolError),
        ((), ProtocolError),
    ],
)
def test_impossible_sizes(size: tuple[str, ...], error: type[GuacrError]) -> None:
    with pytest.raises(error, match="size"):
        selected().receive(Instruction("size", size))


@pytest.mark.parametrize(
    "instruction",
    [
        Instruction("connect", ("",)),
        Instruction("size", ("1", "2")),
        Instruction("select"),
        Instruction("select", ("",)),
        Instruction("select", ("ssh", "vnc")),
    ],
)
def test_it_begins_with_select(instruction: Instruction) -> None:
    with pytest.raises(ProtocolError, match="select"):
        Handshake().receive(instruction)


def test_an_endless_handshake() -> None:
    handshake = selected()
    for _ in range(63):
        handshake.receive(Instruction("name", ("x",)))
    with pytest.raises(ProtocolError, match="64 instructions"):
        handshake.receive(Instruction("name", ("x",)))
