"""guacd's commands in a host's output."""

from __future__ import annotations

import pytest

from terminal.engines.commands import ARGUMENT_MAX, Command, CommandSplitter, HostCommand
from terminal.text.charset import charset_named

OPEN = HostCommand(Command.OPEN_PIPE, "2;Übung")
STREAM = (
    b"before\x1b[1m"
    + "\x1b]482202;2;Übung\x07".encode()
    + b"inside\x1b\x1b]482203\x1b\\"
    + b"\x1b]482203;\x9c\x1b]482200;/a b\xc2\x9cafter\x1b]4;1;?\x07"
)
PARTS = [
    b"before\x1b[1m",
    OPEN,
    b"inside\x1b",
    HostCommand(Command.CLOSE_PIPE, ""),
    HostCommand(Command.CLOSE_PIPE, ""),
    HostCommand(Command.DOWNLOAD, "/a b"),
    b"after\x1b]4;1;?\x07",
]


def split(*pieces: bytes) -> list[bytes | HostCommand]:
    """Return the commands and bytes found in all pieces; adjacent bytes are joined."""
    splitter, found = CommandSplitter(), list[bytes | HostCommand]()
    parts = [part for piece in pieces for part in splitter.split(piece)]
    for part in [*parts, splitter.flush()]:
        if isinstance(part, bytes) and found and isinstance(found[-1], bytes):
            found[-1] += part
        elif part:
            found.append(part)
    return found


@pytest.mark.parametrize(
    ("encoding", "data", "argument"),
    [
        ("cp437", b"\x1b]482200;/\x9c\x07", "/£"),
        ("koi8-r", b"\x1b]482200;/\xc6\x9c\x1b\\", "/ф°"),
        ("shift_jis", b"\x1b]482200;/\x95\x5c\x1b\\", "/表"),
        ("iso-8859-1", b"\x1b]482200;/\xe9\x9c", "/é"),
    ],
)
def test_arguments_in_other_character_sets(encoding: str, data: bytes, argument: str) -> None:
    splitter = CommandSplitter(charset_named(encoding))
    assert splitter.split(data) == [HostCommand(Command.DOWNLOAD, argument)]


def test_commands_are_found_wherever_the_output_is_cut() -> None:
    for first in range(len(STREAM)):
        for second in range(first, len(STREAM)):
            assert split(STREAM[:first], STREAM[first:second], STREAM[second:]) == PARTS
    assert split(*(bytes([byte]) for byte in STREAM)) == PARTS


@pytest.mark.parametrize(
    "data",
    [
        b"\x1b]482204;7\x07",  # the engine's
        b"\x1b]4822020;name\x07",
        b"\x1b]482202name\x07",
        b"\x1b]482202;na\x18me\x07",
        b"\x1b]482202;na\x1b[me\x07",
        b"\x1b]482202;name",
        b"\x1b",
        b"]482203\x07",
        b"",
    ],
)
def test_what_is_no_command_is_left_as_it_is(data: bytes) -> None:
    for at in range(len(data) + 1):
        assert b"".join(part for part in split(data[:at], data[at:]) if type(part) is bytes) == data


@pytest.mark.parametrize("terminator", [b"\x07", b"\x1b\\", b"\xc2\x9c", b"\x9c"])
def test_an_argument_is_bounded(terminator: bytes) -> None:
    longest = b"\x1b]482200;" + b"x" * ARGUMENT_MAX + terminator
    assert split(longest) == [HostCommand(Command.DOWNLOAD, "x" * ARGUMENT_MAX)]
    longer = b"\x1b]482200;" + b"x" * (ARGUMENT_MAX + 1) + terminator
    for at in (5, 100, len(longer) - len(terminator), len(longer)):
        assert split(longer[:at], longer[at:]) == [longer]
    endless = CommandSplitter()
    held = sum(len(p) for p in endless.split(longer[:-1] * 2) if isinstance(p, bytes))
    assert held > ARGUMENT_MAX
