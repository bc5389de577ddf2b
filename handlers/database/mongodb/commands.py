"""The subset of mongosh that the console supports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from handlers.database.adapter import StatementError
from handlers.database.mongodb.values import Reader, UnfinishedError

TEXT_MAX = 1 << 20
"""Maximum characters of a command."""
DOCUMENT, LIST, TEXT, PIPELINE = "a document", "a list of documents", "a text", "a pipeline"
METHODS: Mapping[str, tuple[tuple[str, ...], int]] = {
    "find": ((DOCUMENT, DOCUMENT), 0),
    "findOne": ((DOCUMENT, DOCUMENT), 0),
    "countDocuments": ((DOCUMENT,), 0),
    "estimatedDocumentCount": ((), 0),
    "distinct": ((TEXT, DOCUMENT), 1),
    "aggregate": ((PIPELINE,), 1),
    "insertOne": ((DOCUMENT,), 1),
    "insertMany": ((LIST,), 1),
    "updateOne": ((DOCUMENT, PIPELINE, DOCUMENT), 2),
    "updateMany": ((DOCUMENT, PIPELINE, DOCUMENT), 2),
    "deleteOne": ((DOCUMENT,), 1),
    "deleteMany": ((DOCUMENT,), 1),
    "getIndexes": ((), 0),
}
"""The arguments of each method of a collection, and the minimum number."""
WRITING = {name for name in METHODS if name.startswith(("insert", "update", "delete"))}
READING_COMMANDS = {
    "aggregate", "buildInfo", "collStats", "connectionStatus", "count", "dbHash", "dbStats",
    "distinct", "explain", "find", "hello", "hostInfo", "listCollections", "listCommands",
    "listDatabases", "listIndexes", "ping", "serverStatus", "usersInfo",
}  # fmt: skip
"""Server commands that a read-only session may run."""
_MODIFIERS: Mapping[str, Any] = {"sort": dict, "limit": int, "skip": int, "pretty": None}
_SHOWS = {"dbs": "databases", "databases": "databases"} | dict.fromkeys(
    ("collections", "tables"), "collections"
)


@dataclass(frozen=True, slots=True)
class MongoCommand:
    """A command: a `method` of a collection, or runCommand, use, databases or collections."""

    method: str
    collection: str = ""
    arguments: tuple[Any, ...] = ()
    modifiers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def writes(self) -> bool:
        """True if it may change data."""
        if self.method in WRITING:
            return True
        if self.method == "aggregate":
            return _stages_write(self.arguments[0])
        if self.method == "runCommand":
            name = next(iter(self.arguments[0]), "")
            pipeline = self.arguments[0].get("pipeline")
            return name not in READING_COMMANDS or _stages_write(pipeline)
        return False


def _stages_write(pipeline: object) -> bool:
    """Return whether a pipeline writes to a collection."""
    stages = pipeline if isinstance(pipeline, list) else [pipeline]
    return any(
        isinstance(stage, Mapping) and bool({"$out", "$merge"} & stage.keys()) for stage in stages
    )


def parse_command(text: str) -> MongoCommand:
    """Parse a text that contains a single command.

    Raises:
        UnfinishedError: it ends inside brackets.
        StatementError: it is not a supported command.
    """
    reader = Reader(_bounded(text))
    command = _command(reader)
    reader.take(";")
    if reader.skip():
        raise reader.fail("something follows the command")
    return command


def split_commands(text: str) -> list[str]:
    """The commands of a text; an unparsable rest comes last."""
    reader = Reader(text)
    found: list[str] = []
    while reader.skip():
        start = reader.place
        try:
            _bounded(text)
            _command(reader)
        except StatementError:
            return [*found, text[start:].strip()]
        found.append(text[start : reader.place].strip())
        while reader.take(";"):
            pass
    return found


def is_complete(text: str) -> bool:
    """Return whether a text can be run: it does not end inside brackets."""
    last = (split_commands(text) or [""])[-1]
    try:
        parse_command(last)
    except UnfinishedError:
        return False
    except StatementError:
        pass
    return True


def _bounded(text: str) -> str:
    if len(text) > TEXT_MAX:
        raise StatementError(f"the command is longer than {TEXT_MAX} characters")
    return text


def _command(reader: Reader) -> MongoCommand:
    word = reader.name()
    if word == "show":
        shown = reader.name()
        if shown not in _SHOWS:
            raise reader.fail("show takes dbs or collections")
        return MongoCommand(_SHOWS[shown])
    if word == "use":
        return MongoCommand("use", arguments=(_database(reader),))
    if word == "db" and reader.take("."):
        return _call(reader)
    raise reader.fail("a command is expected: show, use, or db.COLLECTION.METHOD(…)")


def _database(reader: Reader) -> str:
    reader.skip()
    rest = reader.text[reader.place :].split(maxsplit=1)
    name = rest[0].rstrip(";") if rest else ""
    if not name or len(name) > 63 or any(c in '/\\. "$*<>:|?\0' for c in name):
        raise reader.fail("use takes the name of a database")
    reader.place += len(name)
    return name


def _call(reader: Reader) -> MongoCommand:
    names = [reader.name()]
    if names[0] == "getCollection" and reader.skip() == "(":
        arguments = reader.arguments()
        if len(arguments) != 1 or not isinstance(arguments[0], str):
            raise reader.fail("getCollection takes the name of a collection")
        names = [arguments[0]]
    while reader.take("."):
        names.append(reader.name())
    if not all(names) or (len(names) < 2 and names[0] != "runCommand"):
        raise reader.fail("db.COLLECTION.METHOD(…) is expected")
    *parts, method = names
    if not parts:
        return MongoCommand(method, arguments=_checked(reader, method, (DOCUMENT,), 1))
    if method not in METHODS:
        raise reader.fail(f"{method[:40]} is unknown: use one of {', '.join(METHODS)}")
    arguments_ = _checked(reader, method, *METHODS[method])
    modifiers = _modifiers(reader) if method == "find" else {}
    return MongoCommand(method, ".".join(parts), arguments_, modifiers)


def _checked(reader: Reader, method: str, kinds: tuple[str, ...], least: int) -> tuple[Any, ...]:
    arguments = reader.arguments()
    if not least <= len(arguments) <= len(kinds):
        raise reader.fail(f"{method} takes {', '.join(kinds) or 'nothing'}")
    for argument, kind in zip(arguments, kinds, strict=False):
        if not _is(argument, kind):
            raise reader.fail(f"{method} takes {', '.join(kinds)}")
    if method.startswith("update") and set(arguments[2:] and arguments[2]) - {"upsert"}:
        raise reader.fail(f"{method} accepts only the option upsert")
    return tuple(arguments)


def _is(argument: object, kind: str) -> bool:
    if kind == TEXT:
        return isinstance(argument, str)
    if isinstance(argument, list) and kind in (LIST, PIPELINE):
        return all(isinstance(item, dict) for item in argument)
    return kind in (DOCUMENT, PIPELINE) and isinstance(argument, dict)


def _modifiers(reader: Reader) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while reader.take("."):
        name = reader.name()
        if name not in _MODIFIERS:
            raise reader.fail(f"find(…) is followed by {', '.join(_MODIFIERS)}")
        arguments = reader.arguments()
        kind = _MODIFIERS[name]
        if kind is None and not arguments:
            continue
        value: Any = arguments[0] if len(arguments) == 1 else None
        if kind is None or type(value) is not kind or (kind is int and value < 0):
            raise reader.fail(f"{name} takes {_takes(kind)}")
        found[name] = value
    return found


def _takes(kind: type | None) -> str:
    return {dict: DOCUMENT, int: "a number from 0"}.get(kind, "nothing") if kind else "nothing"
