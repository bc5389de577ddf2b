"""The text of a prompt, bounded, with an undo that is bounded as well."""

from __future__ import annotations

from typing import Any, SupportsIndex

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document

TEXT_MAX = 4 << 20
"""Characters at a prompt; what goes beyond is not taken."""
STEP_COST = 100
"""Characters that a step of the undo counts for besides its text."""

Step = tuple[str, int]
"""A text and the cursor's position in it."""


class UndoSteps(list[Step]):
    """A stack that forgets its oldest steps: each holds a copy of the whole text."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self._size = 0

    def append(self, step: Step) -> None:
        """One more step."""
        super().append(step)
        self._size += len(step[0]) + STEP_COST
        while self._size > self._limit and self:
            self.pop(0)

    def pop(self, index: SupportsIndex = -1) -> Step:
        """Take a step away."""
        step = super().pop(index)
        self._size -= len(step[0]) + STEP_COST
        return step


class PromptBuffer(Buffer):
    """prompt_toolkit's buffer, which keeps a copy of the text for each key, without bounds."""

    def __init__(self, max_undo: int, **options: Any) -> None:
        self._max_undo = max_undo
        super().__init__(**options)

    def reset(self, document: Document | None = None, append_to_history: bool = False) -> None:
        """See `Buffer.reset`."""
        super().reset(document, append_to_history)
        self._undo_stack = UndoSteps(self._max_undo)

    def insert_text(self, data: str, *args: Any, **options: Any) -> None:
        """See `Buffer.insert_text`; what has no room is left out whole."""
        if len(self.text) + len(data) <= TEXT_MAX:
            super().insert_text(data, *args, **options)
