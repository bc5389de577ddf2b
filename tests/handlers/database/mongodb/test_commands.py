from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.database.adapter import StatementError
from handlers.database.mongodb.commands import (
    TEXT_MAX,
    MongoCommand,
    is_complete,
    parse_command,
    split_commands,
)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("show dbs", MongoCommand("databases")),
        ("show collections;", MongoCommand("collections")),
        ("use my-shop", MongoCommand("use", arguments=("my-shop",))),
        ("db.a.find()", MongoCommand("find", "a")),
        (
            "db.a.b.find({x: 1}, {_id: 0})\n  .sort({x: -1}).limit(5).skip(2).pretty()",
            MongoCommand(
                "find", "a.b", ({"x": 1}, {"_id": 0}), {"sort": {"x": -1}, "limit": 5, "skip": 2}
            ),
        ),
        ("db.getCollection('x y').countDocuments()", MongoCommand("countDocuments", "x y")),
        ("db.a.distinct('k', {})", MongoCommand("distinct", "a", ("k", {}))),
        (
            "db.a.updateOne({}, {$set: {b: 1}}, {upsert: true})",
            MongoCommand("updateOne", "a", ({}, {"$set": {"b": 1}}, {"upsert": True})),
        ),
        ("db.runCommand({ping: 1})", MongoCommand("runCommand", arguments=({"ping": 1},))),
    ],
)
def test_commands(text: str, command: MongoCommand) -> None:
    assert parse_command(text) == command
    assert is_complete(text)


@pytest.mark.parametrize(
    "text",
    ["show users", "use a/b", "db", "db.a", "db.a.drop()", "db.a.find(1)", "db.a.find() 2",
     "db.a.find().limit(-1)", "db.a.find().limit('1')", "db.a.distinct()", "for (;;) {}",
     "db.a.updateOne({}, {}, {multi: 1})", "db.a.find().forEach(print)", "db..find()", "1 + 1",
     "db.a.insertMany([1])", "db.a.find().limit(true)", "use"],
)  # fmt: skip
def test_what_is_not_known_is_told_at_once(text: str) -> None:
    assert is_complete(text)
    with pytest.raises(StatementError):
        parse_command(text)


def test_open_brackets_wait_for_more() -> None:
    for text in ("db.a.find(", "db.a.find({a: 1", "show dbs; db.a.aggregate([\n{$match: {}},"):
        assert not is_complete(text)


def test_several_commands_are_run_one_after_the_other() -> None:
    assert split_commands("show dbs; db.a.find(\n{})\nuse b\n nonsense") == [
        "show dbs", "db.a.find(\n{})", "use b", "nonsense",
    ]  # fmt: skip
    assert split_commands(" // nothing\n") == []


def test_the_length_is_bounded() -> None:
    text = "db.a.find({a: '" + "x" * (TEXT_MAX - 18) + "'})"
    assert len(text) == TEXT_MAX
    assert parse_command(text).method == "find"
    with pytest.raises(StatementError, match="longer than"):
        parse_command(text + " ")


@pytest.mark.parametrize(
    ("text", "writes"),
    [
        ("db.a.find()", False),
        ("db.a.insertOne({})", True),
        ("db.a.updateMany({}, {})", True),
        ("db.a.deleteOne({})", True),
        ("db.a.aggregate([{$match: {}}])", False),
        ("db.a.aggregate([{$match: {}}, {$out: 'b'}])", True),
        ("db.a.aggregate({$merge: 'b'})", True),
        ("db.runCommand({count: 'a'})", False),
        ("db.runCommand({dropDatabase: 1})", True),
        ("db.runCommand({})", True),
        ("db.runCommand({aggregate: 'a', pipeline: [{$out: 'b'}], cursor: {}})", True),
        ("show dbs", False),
    ],
)
def test_what_may_change_something(text: str, writes: bool) -> None:
    assert parse_command(text).writes == writes


@given(
    st.lists(st.sampled_from(["db", ".", "a", "find", "(", ")", "{", "}", ";", " ", "use", "'"]))
)
def test_any_text_is_a_command_or_the_error(parts: list[str]) -> None:
    text = "".join(parts)
    is_complete(text)
    for command in split_commands(text):
        try:
            parse_command(command)
        except StatementError as error:
            assert 0 <= error.position <= len(command) + 1  # noqa: PT017 - not all fail
