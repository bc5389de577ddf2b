"""The commands of a Redis server, and some of its keys: for completion, and for read-only
sessions."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from handlers.database.console.completion import Schema, Suggestions
from handlers.database.redis.connection import RedisConnection, ReplyError, Value

KEYS_MAX = 2000
"""Maximum keys for completion."""
SCANS_MAX = 20
"""Maximum SCANs for keys; each may examine `SCAN_COUNT` of them."""
SCAN_COUNT = 1000
SUMMARY_MAX = 60
"""Maximum characters of the description of a command."""

_UNMARKED = {
    "debug", "eval", "evalsha", "failover", "fcall", "replicaof", "shutdown", "slaveof",
}  # fmt: skip
"""Commands that may change or lose data although servers do not mark them as writing."""


@dataclass(frozen=True, slots=True)
class RedisSchema(Schema):
    """The names of a server."""

    commands: Mapping[str, str] = field(default_factory=dict)
    """The descriptions of commands; subcommands have two words."""
    keys: tuple[str, ...] = ()


class CommandSuggestions(Suggestions):
    """Completes commands, then subcommands, then keys."""

    __slots__ = ()

    def _candidates(self, before: str, word: str) -> Iterator[tuple[str, str]]:
        schema = self.schema
        if not isinstance(schema, RedisSchema):
            return
        typed = before.rsplit("\n", 1)[-1].split()
        upper = not word.islower()
        if not typed:
            if word:
                for name, summary in sorted(schema.commands.items()):
                    if " " not in name:
                        yield name.upper() if upper else name, summary
            return
        if len(typed) == 1:
            group = typed[0].lower() + " "
            for name, summary in sorted(schema.commands.items()):
                if name.startswith(group):
                    inner = name.removeprefix(group)
                    yield (inner.upper() if typed[0].isupper() else inner), summary
        yield from ((key, "key") for key in schema.keys)


async def fetch_names(connection: RedisConnection) -> RedisSchema:
    """Fetch commands and keys, as far as this user may see them."""
    try:
        commands = _documented(await connection.call("COMMAND", "DOCS"))
    except ReplyError:  # older than 7.0, or not allowed
        try:
            commands = {name: "" for name, _ in _flags(await connection.call("COMMAND"))}
        except ReplyError:
            commands = {}
    try:
        keys = await _keys(connection)
    except ReplyError:
        keys = ()
    return RedisSchema(commands=commands, keys=keys)


def _documented(reply: Value) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, about in _pairs(reply):
        details = dict(_pairs(about))
        found[name.replace("|", " ")] = textwrap.shorten(
            str(details.get("summary", "")), SUMMARY_MAX, placeholder="…"
        )
        found |= _documented(details.get("subcommands"))
    return found


def _pairs(reply: Value) -> Iterator[tuple[str, Value]]:
    if isinstance(reply, list):
        yield from zip(map(str, reply[::2]), reply[1::2], strict=False)


async def _keys(connection: RedisConnection) -> tuple[str, ...]:
    found: dict[str, None] = {}
    cursor = "0"
    for _ in range(SCANS_MAX):
        reply = await connection.call("SCAN", cursor, "COUNT", str(SCAN_COUNT))
        if not isinstance(reply, list) or len(reply) != 2 or not isinstance(reply[1], list):
            break
        cursor = str(reply[0])
        found |= dict.fromkeys(key for key in reply[1] if isinstance(key, str) and _plain(key))
        if cursor == "0" or len(found) >= KEYS_MAX:
            break
    return tuple(sorted(found)[:KEYS_MAX])


def _plain(key: str) -> bool:
    """Return whether a key can be typed without quotes."""
    return key.isprintable() and not any(c in " \"'\ufffd" for c in key)


async def write_flags(connection: RedisConnection) -> dict[str, bool]:
    """Fetch whether each command may write.

    Raises:
        ReplyError: the server refuses.
    """
    return {
        name.replace(" ", "|"): name in _UNMARKED
        or "write" in flags
        or ("may_replicate" in flags and "readonly" not in flags)
        for name, flags in _flags(await connection.call("COMMAND"))
    }


def _flags(reply: Value) -> Iterator[tuple[str, set[str]]]:
    """The names and flags of commands, including subcommands."""
    for entry in reply if isinstance(reply, list) else []:
        if isinstance(entry, list) and len(entry) > 2 and isinstance(entry[2], list):
            yield str(entry[0]).replace("|", " "), {str(flag) for flag in entry[2]}
            if len(entry) > 9:
                yield from _flags(entry[9])
