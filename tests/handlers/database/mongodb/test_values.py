from __future__ import annotations

import datetime
import math
import uuid
from typing import Any

import pytest
from bson import json_util
from bson.binary import UUID_SUBTYPE, Binary, UuidRepresentation
from bson.code import Code
from bson.decimal128 import Decimal128
from bson.int64 import Int64
from bson.max_key import MaxKey
from bson.objectid import ObjectId
from bson.regex import Regex
from bson.timestamp import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from handlers.database.adapter import StatementError
from handlers.database.mongodb.values import DEPTH_MAX, Reader, UnfinishedError, printed

OID = ObjectId("65e0a1b2c3d4e5f601234567")
MINUTE = datetime.datetime.fromisoformat("2024-02-29T12:30:00.120")
ONE = "00000000-0000-0000-0000-000000000001"


def read(text: str) -> Any:
    reader = Reader(text)
    value = reader.value()
    assert reader.skip() == "", text[reader.place :]
    return value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{a: 1, 'b': [1.5, -2,], \"c\": null}", {"a": 1, "b": [1.5, -2], "c": None}),
        ("{$gt: 5, 1: true /* no */} // end", {"$gt": 5, "1": True}),
        (r"'it\'s \x41\u00e9\n'", "it's A\u00e9\n"),
        (r"'\ud83d\ude00'", "\U0001f600"),
        ('ObjectId("65e0a1b2c3d4e5f601234567")', OID),
        ("ISODate('2024-02-29T12:30:00.120Z')", MINUTE),
        ("new Date('2024-02-29T14:30:00.120+02:00')", MINUTE),
        ("NumberLong(5)", Int64(5)),
        ("Long('-9223372036854775808')", Int64(-(2**63))),
        ("NumberDecimal('1.10')", Decimal128("1.10")),
        (f"UUID('{ONE}')", Binary(uuid.UUID(ONE).bytes, UUID_SUBTYPE)),
        ("/a\\/[/]b/i", Regex("a/[/]b", 2)),
        ("-Infinity", -math.inf),
        ("9223372036854775807", 2**63 - 1),
        ("{$oid: '65e0a1b2c3d4e5f601234567'}", OID),
        ("{$numberLong: '7'}", Int64(7)),
        ("Timestamp({t: 1, i: 2})", Timestamp(1, 2)),
        ("MaxKey()", MaxKey()),
        ("BinData(0, 'AAE=')", b"\x00\x01"),
    ],
)
def test_what_people_type(text: str, value: object) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    "text",
    ["{a 1}", "{,}", "[1 2]", "'open", "'a\nb'", "9223372036854775808", "ObjectId('x')",
     "ISODate('soon')", "NumberLong('9223372036854775808')", "foo()", "1x", "{$oid: 5}", "/a/q",
     "Timestamp(1)", r"'\ud83d'", "{$date: 'soon'}", "UUID('1')", "NumberDecimal('x')", "1..2"],
)  # fmt: skip
def test_what_is_no_value_is_told(text: str) -> None:
    with pytest.raises(StatementError) as told:
        read(text)
    assert not isinstance(told.value, UnfinishedError)
    assert 0 < told.value.position <= len(text) + 1


@pytest.mark.parametrize("text", ["{", "[", "{a", "{a:", "{a: 1", "{a: 1,", "[1,", "ObjectId("])
def test_open_brackets_wait(text: str) -> None:
    with pytest.raises(UnfinishedError):
        read(text)


def test_the_depth_is_bounded() -> None:
    assert read("[" * DEPTH_MAX + "1" + "]" * DEPTH_MAX)
    with pytest.raises(StatementError, match=f"more than {DEPTH_MAX}"):
        read("[" * (DEPTH_MAX + 1) + "1" + "]" * (DEPTH_MAX + 1))


def test_documents_look_as_in_mongosh() -> None:
    assert printed({"_id": OID, "n": Int64(5), "a b": "it's"}) == (
        "{ _id: ObjectId('65e0a1b2c3d4e5f601234567'), n: Long('5'), 'a b': 'it\\'s' }"
    )
    assert printed({"x": 1.0}) == "{ x: 1 }"
    assert printed({"a": "x" * 40, "b": {"c": "y" * 30, "d": []}}) == (
        "{\n  a: '" + "x" * 40 + "',\n  b: { c: '" + "y" * 30 + "', d: [] }\n}"
    )


keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).map(lambda t: t.lstrip("$"))
scalars = (
    st.none() | st.booleans() | st.integers(-(2**31), 2**31 - 1) | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])) | st.binary(max_size=20)
    | st.integers(-(2**63), 2**63 - 1).map(Int64)
    | st.binary(min_size=12, max_size=12).map(ObjectId)
    | st.binary(min_size=16, max_size=16).map(lambda b: Binary(b, UUID_SUBTYPE))
    | st.datetimes().map(
        lambda d: d.replace(microsecond=d.microsecond // 1000 * 1000)
    )
    | st.decimals(places=3, allow_nan=False).map(lambda d: Decimal128(str(d)[:30]))
    | st.builds(Timestamp, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
    | st.builds(Regex, st.sampled_from(["a", "^a/b$", "[/]"]), st.sampled_from([0, 2]))
    | st.text("abc").map(Code)
)  # fmt: skip
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=12
)


@given(values)
def test_what_is_printed_reads_back(value: Any) -> None:
    assert read(printed(value)) == value


@given(values.filter(lambda value: not isinstance(value, float)))
def test_what_extended_json_prints_reads_back(value: Any) -> None:
    options = json_util.JSONOptions(
        json_mode=json_util.JSONMode.CANONICAL,
        uuid_representation=UuidRepresentation.STANDARD,
    )
    text = json_util.dumps(value, json_options=options)
    expected = json_util.loads(
        text,
        json_options=json_util.JSONOptions(
            tz_aware=False, uuid_representation=UuidRepresentation.STANDARD
        ),
    )
    assert printed(read(text)) == printed(expected)


@given(st.text("{}[]():,.'\"/\\$abn019-+ \nuxI") | st.text())
def test_any_text_gives_a_value_or_the_error(text: str) -> None:
    try:
        Reader(text).value()
    except StatementError as error:
        assert 0 <= error.position <= len(text) + 1  # noqa: PT017 - not all fail
