"""Connection parameters: from texts to values, and refusals that tell what is allowed."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from guacr.errors import BadRequestError
from guacr.protocol.status import Status
from guacr.session.params import Params, order, param
from guacr.session.rights import Rights
from guacr.session.shared_params import ClipboardParams, ReadOnlyParams, WakeOnLanParams


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorParams(Params):
    """Parameters of every kind."""

    hostname: str = param("", "Where to.", common=True)
    port: int = param(22, "Which door.", minimum=1, maximum=65535)
    wait_time: int = param(-1, "Any number.")
    retries: int = param(3, "No maximum.", minimum=0)
    read_only: bool = param(False, "Only look.")
    wide: bool = param(True, "Open both wings.")
    colour: str = param("", "Of the door.", choices=("", "red", "blue"), live=True)
    password: str = param("", "To enter.", secret=True)
    pin: int = param(0, "To enter, too.", secret=True, minimum=0, maximum=9999)
    bell: bool = param(False, "Rings some day.", later=True)
    house: str = param("none", "Where the door is.", host=True)


def test_declared_in_order_with_wire_names() -> None:
    declared = DoorParams.declared()
    assert [p.name for p in declared][:4] == ["hostname", "port", "wait-time", "retries"]
    assert [p.type for p in declared][:2] == [str, int]
    assert declared[0].spec.common
    assert declared[6].spec.live
    assert DoorParams.declared() is declared


def test_nothing_given_is_all_defaults() -> None:
    assert DoorParams.parse({}) == DoorParams()


@pytest.mark.parametrize("name", [p.name for p in DoorParams.declared()])
def test_an_empty_text_is_the_default(name: str) -> None:
    assert DoorParams.parse({name: ""}) == DoorParams()


def test_values_of_every_type() -> None:
    texts = {
        "hostname": " höst,; ",
        "port": "65535",
        "wait-time": "-12",
        "retries": "0",
        "read-only": "true",
        "wide": "false",
        "colour": "blue",
        "password": "s3cret",
        "pin": "0042",
    }
    assert DoorParams.parse(texts) == DoorParams(
        hostname=" höst,; ",
        port=65535,
        wait_time=-12,
        retries=0,
        read_only=True,
        wide=False,
        colour="blue",
        password="s3cret",
        pin=42,
    )


@pytest.mark.parametrize("text", ["1", "65535"])
def test_numbers_at_the_bounds(text: str) -> None:
    assert DoorParams.parse({"port": text}).port == int(text)


@pytest.mark.parametrize(
    "text",
    ["0", "65536", "-1", "22.0", "1e3", "0x16", "22 ", "+22", "٢٢", "²", "-", "--1", "9" * 11, "x"],
)
def test_numbers_that_are_refused(text: str) -> None:
    with pytest.raises(BadRequestError) as raised:
        DoorParams.parse({"port": text})
    message = f"parameter port must be a whole number from 1 to 65535, not {text!r}"
    assert str(raised.value) == message
    assert raised.value.status is Status.CLIENT_BAD_REQUEST


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"retries": "-1"}, "retries must be a whole number of at least 0, not '-1'"),
        ({"wait-time": "soon"}, "wait-time must be a whole number, not 'soon'"),
        ({"read-only": "True"}, "read-only must be true or false, not 'True'"),
        ({"read-only": "1"}, "read-only must be true or false, not '1'"),
        ({"colour": "green"}, "colour must be one of red, blue, not 'green'"),
    ],
)
def test_refusals_tell_what_is_allowed(values: dict[str, str], message: str) -> None:
    with pytest.raises(BadRequestError) as raised:
        DoorParams.parse(values)
    assert str(raised.value) == f"parameter {message}"


def test_white_space_around_the_name_of_a_host_does_not_count() -> None:
    assert DoorParams.parse({"house": " a.example\t\r\n"}).house == "a.example"
    assert DoorParams.parse({"house": "  "}).house == "none"
    assert DoorParams.parse({"password": " a "}).password == " a "


def test_a_long_value_is_shortened_in_the_message() -> None:
    with pytest.raises(BadRequestError) as raised:
        DoorParams.parse({"port": "9" * 5000})
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize("name", ["host-name", "HOSTNAME", "read_only", "", "x" * 5000])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(BadRequestError, match=r"parameter .* is unknown") as raised:
        DoorParams.parse({"password": "hunter2", name: "hunter3"})
    assert "hunter" not in str(raised.value)
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("pasword", "did you mean password?"),
        ("PASSWORD", "did you mean password?"),
        ("pass-word", "did you mean password?"),
        ("pass", "did you mean password?"),
        ("", "docs/parameters.md lists all"),
        ("quux", "docs/parameters.md lists all"),
        ("x" * 5000, "docs/parameters.md lists all"),
    ],
)
def test_unknown_names_have_a_hint(name: str, hint: str) -> None:
    with pytest.raises(BadRequestError) as raised:
        DoorParams.parse({name: "x"})
    assert str(raised.value).endswith(f" is unknown: {hint}")


@given(st.text("0123456789secret", min_size=1, max_size=20))
def test_a_secret_is_in_no_message(value: str) -> None:
    assume(not (value.isdigit() and int(value) <= 9999))
    with pytest.raises(BadRequestError) as raised:
        DoorParams.parse({"pin": value})
    allowed = "parameter pin must be a whole number from 0 to 9999, not the given value"
    assert str(raised.value) == allowed


@given(st.dictionaries(st.sampled_from([p.name for p in DoorParams.declared()]), st.text()))
def test_whatever_is_given_is_parsed_or_refused(values: dict[str, str]) -> None:
    try:
        params = DoorParams.parse(values)
    except BadRequestError:
        return
    assert 1 <= params.port <= 65535
    assert params.colour in ("", "red", "blue")
    assert params.hostname == values.get("hostname", "")


def test_parameters_whose_feature_comes_later_are_named_when_set() -> None:
    assert DoorParams.parse({"bell": "true"}).asked_later() == ["bell"]
    assert DoorParams.parse({"bell": "false"}).asked_later() == []


def test_parameters_do_not_change() -> None:
    params = DoorParams()
    with pytest.raises(FrozenInstanceError):
        params.port = 5  # type: ignore[misc]


# ---- parameters that several protocols share


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseParams(ReadOnlyParams, ClipboardParams, WakeOnLanParams):
    """Its own among shared ones."""

    ORDER = order("hostname read-only", WakeOnLanParams, "floor", ClipboardParams)

    hostname: str = param("", "Where to.")
    floor: int = param(0, "Which one.", later=True)


def test_the_order_is_that_of_the_table() -> None:
    names = order(
        "hostname read-only wol-send-packet wol-mac-addr wol-broadcast-addr wol-udp-port",
        "wol-wait-time floor clipboard-buffer-size disable-copy disable-paste",
    )
    assert [param.name for param in HouseParams.declared()] == list(names)
    assert HouseParams.names() == names
    assert HouseParams.declared()[0].spec.doc == "Where to."


def test_values_of_shared_parameters_are_parsed() -> None:
    params = HouseParams.parse({"wol-udp-port": "7", "floor": "3", "disable-copy": "true"})
    assert (params.wol_udp_port, params.floor, params.disable_copy) == (7, 3, True)
    assert params.asked_later() == ["floor"]


def test_without_a_table_inherited_ones_come_first() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class TowerParams(HouseParams):
        tip: str = param("", "What is on it.")
        floor: int = param(100, "Which one.")

    assert TowerParams.names() == (*HouseParams.names(), "tip")
    assert TowerParams().floor == 100


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("hostname", "lacks read-only"),
        ("hostname read-only level", "has unknown names: level"),
        ("hostname read-only hostname", "repeats names: hostname"),
        (None, "inherits from several classes and needs an ORDER"),
    ],
)
def test_a_table_that_does_not_fit_is_found_when_the_class_is_made(
    table: str | None, message: str
) -> None:
    names = {} if table is None else {"ORDER": order(table)}
    with pytest.raises(TypeError, match=f"^GateParams.*{message}"):
        type("GateParams", (ReadOnlyParams, NameParams), names)


@dataclass(frozen=True, kw_only=True)
class NameParams(Params):
    """A class to combine with others."""

    hostname: str = param("", "Where to.")


def test_rights_are_those_of_all_that_is_inherited() -> None:
    assert NameParams().rights == Rights()
    assert HouseParams().rights == Rights()
    texts = {"read-only": "true", "disable-paste": "true"}
    assert HouseParams.parse(texts).rights == Rights(read_only=True, disable_paste=True)
    assert HouseParams.parse({"disable-copy": "true"}).rights == Rights(disable_copy=True)


def test_a_users_own_parameter_that_nothing_applies_is_found_when_the_class_is_made() -> None:
    fields = {"read_only": param(False, "Only look.", personal=True)}
    with pytest.raises(TypeError, match="WindowParams does not apply read-only"):
        type("WindowParams", (Params,), fields)


def test_the_text_of_a_value_stands_for_it() -> None:
    texts = {"port": "7", "wait-time": "-3", "read-only": "true", "wide": "false", "colour": "red"}
    params = DoorParams.parse(texts)
    assert {name: params.value(name) for name in texts} == texts
    assert DoorParams.parse({p.name: params.value(p.name) for p in DoorParams.declared()}) == params
    assert params.value("roof") == ""
