"""Instructions of one user that wait to be carried out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from guacr.protocol.instruction import Instruction
from guacr.session.input.touch import CONTACTS_MAX

LIFTED = "0"
"""The force of a contact that has ended, as browsers write it."""


@dataclass(slots=True)
class _Touch:
    """A move of a contact, which a later one replaces."""

    instruction: Instruction


class Inbox:
    """A queue that merges outdated input. Of several window sizes, only the last one is kept; so is
    the last of several moves of the pointer with nothing between them, and of a contact with only
    other contacts between them."""

    __slots__ = ("_buttons", "_down", "_moving", "_size", "_touches", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[Instruction | _Touch | None] = deque()
        """None stands for the size."""
        self._size: Instruction | None = None
        """The last size that arrived while one was waiting."""
        self._buttons = ""
        """The buttons of the last `mouse`."""
        self._moving = False
        """True if the last entry in the queue is only a move of the pointer."""
        self._down: set[str] = set()
        """The contacts that are down."""
        self._touches: dict[str, _Touch] = {}
        """The waiting move of each contact, which may be replaced."""

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, instructions: Iterable[Instruction]) -> None:
        """Add instructions in the order of their arrival."""
        for instruction in instructions:
            if instruction.opcode == "mouse":
                self._put_mouse(instruction)
                continue
            self._moving = False
            if instruction.opcode == "touch":
                self._put_touch(instruction)
                continue
            self._touches.clear()
            if instruction.opcode != "size":
                self._waiting.append(instruction)
                continue
            if self._size is None:
                self._waiting.append(None)
            self._size = instruction

    def take(self) -> Instruction | None:
        """Remove and return the next instruction; None if there is none."""
        if not self._waiting:
            return None
        instruction = self._waiting.popleft()
        if not self._waiting:
            self._moving = False
        if instruction is None:
            instruction, self._size = self._size, None
        elif isinstance(instruction, _Touch):
            instruction = instruction.instruction
            self._touches.pop(instruction.args[0], None)
        return instruction

    def clear(self) -> None:
        """Discard all instructions."""
        self._waiting.clear()
        self._size, self._moving = None, False
        self._touches.clear()

    def _put_touch(self, instruction: Instruction) -> None:
        contact, *rest = instruction.args or ("",)
        begins, lifted = contact not in self._down, rest[5:6] == [LIFTED]
        if lifted:
            self._down.discard(contact)
        elif begins and len(self._down) < CONTACTS_MAX:
            self._down.add(contact)
        if begins or lifted:
            self._touches.pop(contact, None)
            self._waiting.append(instruction)
        elif contact in self._touches:
            self._touches[contact].instruction = instruction
        else:
            self._touches[contact] = _Touch(instruction)
            self._waiting.append(self._touches[contact])

    def _put_mouse(self, instruction: Instruction) -> None:
        self._touches.clear()
        buttons = instruction.args[2] if len(instruction.args) > 2 else ""
        moving = buttons == self._buttons
        if moving and self._moving:
            self._waiting.pop()
        self._waiting.append(instruction)
        self._buttons, self._moving = buttons, moving
