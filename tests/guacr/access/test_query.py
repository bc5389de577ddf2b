"""The client's properties in a URL."""

import pytest

from guacr.access.query import DEFAULT_VERSION, MIMETYPE_MAX, PAIRS_MAX, TEXT_MAX, parse_query
from guacr.errors import BadRequestError, ForbiddenError
from guacr.protocol.client import DPI_DEFAULT, MIMETYPES_MAX, SIZE_MAX, ClientInfo

Pairs = list[tuple[str, str]]


def info(*pairs: tuple[str, str], **defaults: str) -> ClientInfo:
    return parse_query(pairs, defaults).info


def test_an_empty_address() -> None:
    query = parse_query([], {})
    assert (query.token, query.connection, query.protocol, query.parameters) == ("", "", "", {})
    assert query.info == ClientInfo(version=DEFAULT_VERSION)


@pytest.mark.parametrize("prefix", ["", "GUAC_"])
def test_names_of_guacamole_lite_and_of_apache(prefix: str) -> None:
    def name(text: str) -> str:
        return prefix + (text.upper() if prefix else text)

    pairs = [("width", "800"), ("height", "600"), ("dpi", "192"), ("timezone", "Europe/Berlin")]
    lists = [("audio", "audio/L16"), ("audio", "audio/L8"), ("image", "image/webp")]
    lists += [("clipboard", "text/html"), ("files", "a/b")]
    found = info(*[(name(key), value) for key, value in pairs + lists])
    assert (found.width, found.height, found.dpi) == (800, 600, 192)
    assert found.timezone == "Europe/Berlin"
    assert (found.audio, found.image, found.video, found.clipboard, found.files) == (
        ("audio/L16", "audio/L8"),
        ("image/webp",),
        (),
        ("text/html",),
        ("a/b",),
    )


def test_what_is_left_is_a_parameter() -> None:
    pairs = [("connection", "a"), ("font-size", "14"), ("width", "9"), ("font-size", "15")]
    query = parse_query(pairs, {})
    assert (query.connection, query.parameters) == ("a", {"font-size": "15"})


def test_apaches_own_words_are_no_parameters() -> None:
    assert parse_query([("GUAC_ID", "1"), ("GUAC_TYPE", "c")], {}).parameters == {}


def test_defaults_are_for_what_the_address_leaves_out() -> None:
    found = info(("width", "640"), width="1", height="480", dpi="120")
    assert (found.width, found.height, found.dpi) == (640, 480, 120)


def test_fractions_of_pixels_are_cut_off() -> None:
    found = info(("width", "1280.75"), ("height", "719.2"), ("dpi", "143.99"))
    assert (found.width, found.height, found.dpi) == (1280, 719, 143)


@pytest.mark.parametrize("size", ["0", "-1", "abc", str(SIZE_MAX + 1), "9" * 30])
def test_sizes_that_cannot_be(size: str) -> None:
    with pytest.raises(BadRequestError, match="size"):
        info(("width", size))
    assert info(("width", str(SIZE_MAX))).width == SIZE_MAX


def test_empty_values_are_as_if_absent() -> None:
    found = info(("width", ""), ("dpi", ""), ("image", ""))
    assert (found.width, found.dpi, found.image) == (ClientInfo().width, DPI_DEFAULT, ())


def test_versions() -> None:
    assert info(("version", "VERSION_1_5_0")).version == (1, 5, 0)
    with pytest.raises(BadRequestError, match="version must be one of"):
        info(("version", "2"))


def test_bounds() -> None:
    assert len(info(*[("image", "a")] * (MIMETYPES_MAX + 1)).image) == MIMETYPES_MAX
    assert info(("image", "a" * (MIMETYPE_MAX + 1)), ("image", "a" * MIMETYPE_MAX)).image == (
        "a" * MIMETYPE_MAX,
    )
    assert info(("name", "n" * (TEXT_MAX + 1))).name == "n" * TEXT_MAX
    parse_query([("a", "b")] * PAIRS_MAX, {})
    with pytest.raises(BadRequestError, match=str(PAIRS_MAX)):
        parse_query([("a", "b")] * (PAIRS_MAX + 1), {})


def test_a_bare_connection_id_joins_nothing() -> None:
    with pytest.raises(ForbiddenError, match="join link"):
        parse_query([("join", "$id")], {})


def test_tokens_are_not_in_the_representation() -> None:
    assert "s3cret" not in repr(parse_query([("token", "s3cret"), ("password", "s3cret")], {}))
