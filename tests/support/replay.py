"""Replays recordings as strictly as their format is defined."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from guacr.testing.canvas import Canvas
from guacr.testing.client import GuacClient
from guacr.testing.wire import Received, Splitter, write

DRAWING = frozenset({
    "size", "img", "blob", "end", "copy", "rect", "cfill", "move", "shade", "dispose", "cursor",
    "mouse", "sync", "transfer",
})  # fmt: skip
"""The opcodes that guacenc and players know."""
STREAMS = 64
"""guacenc ignores streams with other indices."""
EVENTS = frozenset({"key", "touch", "clipboard"})


@dataclass
class Replayed:
    """A recording that was read completely."""

    canvas: Canvas = field(default_factory=Canvas)
    instructions: list[Received] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    """Of every instruction that has one, in order."""

    def all(self, opcode: str) -> list[tuple[str, ...]]:
        """The arguments of each instruction of one opcode."""
        return [one.args for one in self.instructions if one.opcode == opcode]


def replay(data: bytes | Path, start: int = 0) -> Replayed:
    """Paint a recording from the instruction at `start` on, and check all of it.

    Raises:
        AssertionError: it is not as players need it.
    """
    text = (data.read_bytes() if isinstance(data, Path) else data)[start:]
    assert text.isascii()
    found = Replayed()
    found.instructions = list(Splitter().feed(text))
    again = b"".join(write(one.opcode, *one.args) for one in found.instructions)
    assert again == text, "lengths are canonical, and every instruction is complete"
    for instruction in found.instructions:
        assert instruction.opcode in DRAWING | EVENTS, instruction
        if instruction.opcode in ("img", "clipboard"):
            assert int(instruction.args[0]) < STREAMS
        if instruction.opcode in ("key", "touch"):
            found.times.append(int(instruction.args[-1]))
            continue
        if instruction.opcode == "sync":
            found.times.append(int(instruction.args[0]))
        elif instruction.opcode == "mouse":
            found.times.append(int(instruction.args[3]))
        found.canvas.apply(instruction)
    assert found.times == sorted(found.times), "time never goes back"
    assert not found.times or found.times[0] > 0
    return found


def up_to(recording: Path, client: GuacClient) -> bytes:
    """The recording until the last frame that a client has received."""
    data = recording.read_bytes()
    (*_, time) = [one.args[0] for one in client.history if one.opcode == "sync"]
    return data[: data.index(b";", data.index(b"4.sync,%d.%s," % (len(time), time.encode()))) + 1]
