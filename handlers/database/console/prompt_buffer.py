"""The text of a prompt and its undo history, both bounded."""

from __future__ import annotations

from typing import Any, SupportsIndex

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from typing_extensions import override

TEXT_MAX = 4 << 20
"""Maximum characters at a prompt; more are not accepted."""
STEP_COST = 100
"""Characters that an undo step counts for in addition to its text."""

Step = tuple[str, int]
"""A text and the cursor position."""


class UndoSteps(list[Step]):
    """A bounded stack that drops its oldest steps, each of which is a copy of the whole text."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self._size = 0

    def append(self, step: Step) -> None:
        """Add a step."""
        super().append(step)
        self._size += len(step[0]) + STEP_COST
        while self._size > self._limit and self:
            self.pop(0)

    def pop(self, index: SupportsIndex = -1) -> Step:
        """Remove a step."""
        step = super().pop(index)
        self._size -= len(step[0]) + STEP_COST
        return step


class PromptBuffer(Buffer):
    """prompt_toolkit's buffer, with limits: it keeps an unbounded copy of the text for each key."""

    def __init__(self, max_undo: int, **options: Any) -> None:
        self._max_undo = max_undo
        super().__init__(**options)

    @override
    def reset(self, document: Document | None = None, append_to_history: bool = False) -> None:
        super().reset(document, append_to_history)
        self._undo_stack = UndoSteps(self._max_undo)

    @override
    def insert_text(self, data: str, *args: Any, **options: Any) -> None:
        """Insert text, or nothing if it exceeds the limit."""
        if len(self.text) + len(data) <= TEXT_MAX:
            super().insert_text(data, *args, **options)
