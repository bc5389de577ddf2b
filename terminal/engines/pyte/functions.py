"""The functions of a pyte screen, by their names in the parser's tables."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from terminal.engines.pyte.cursor import Cursor

_KEEPS_PENDING = frozenset(
    (
        *("save_cursor", "save_cursor_or_margins", "restore_cursor"),
        *("set_mode", "reset_mode", "set_private_mode", "reset_private_mode", "bell", "repeat"),
        *("save_private_mode", "restore_private_mode", "report_device_attributes", "window"),
        *("report_secondary_attributes", "report_tertiary_attributes", "report_version"),
        "report_parameters",
        *("report_mode", "report_private_mode", "report_device_status", "report_private_status"),
        *("set_cursor_shape", "set_tab_stop", "clear_tab_stop", "reset_tab_stops", "enquire"),
        *("shift_in", "shift_out", "locking_shift_2", "locking_shift_3", "single_shift_2"),
        *("single_shift_3", "keypad_application", "keypad_numeric", "soft_reset", "tab"),
        *("scroll_up", "scroll_down", "tab_forward", "backspace", "cursor_back"),
        *("insert_lines", "delete_lines", "insert_characters", "delete_characters", "set_margins"),
        *("push_keyboard", "pop_keyboard", "change_keyboard", "report_keyboard"),
        *("report_checksum", "protect", "start_protected", "end_protected", "set_attribute_extent"),
        *("change_attributes", "reverse_attributes", "fill_rectangle", "erase_rectangle"),
        *("selective_erase_rectangle", "copy_rectangle", "lock_memory", "unlock_memory"),
    )
)
"""Functions that keep the last column flag, or handle it themselves."""


class Functions:
    """Finds functions among the methods of a screen's parts."""

    def __init__(self, cursor: Cursor, parts: Iterable[object]) -> None:
        self._cursor = cursor
        self._parts = tuple(parts)

    def find(self, name: str) -> Callable[..., None]:
        """The function of a name, which exactly one part must have. It may be called with more
        parameters than it takes, and resets the last column flag first unless it is one that
        leaves it."""
        (function,) = (getattr(part, name) for part in self._parts if hasattr(part, name))
        cursor, keeps, taken = self._cursor, name in _KEEPS_PENDING, _taken(function.__func__)

        def call(*parameters: int) -> None:
            if not keeps:
                cursor.pending = False
            function(*parameters[:taken])

        return call


@cache
def _taken(function: Callable[..., Any]) -> int | None:
    """The number of parameters of a method; None for any number."""
    code = function.__code__
    return None if code.co_flags & inspect.CO_VARARGS else code.co_argcount - 1
