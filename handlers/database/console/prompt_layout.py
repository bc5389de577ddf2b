"""The layout of the line editor: a prompt with a text, completions, and the search.

The layout of prompt_toolkit's `PromptSession` asks some twenty containers for their sizes at each
key, nearly all of which are hidden; this one has three.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from prompt_toolkit.application.current import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition, has_arg, is_done, is_searching
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout import (
    BufferControl,
    ConditionalContainer,
    Dimension,
    Float,
    FloatContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    Window,
)
from prompt_toolkit.layout.margins import ConditionalMargin, ScrollbarMargin
from prompt_toolkit.layout.menus import CompletionsMenu
from prompt_toolkit.layout.mouse_handlers import MouseHandlers
from prompt_toolkit.layout.processors import (
    AppendAutoSuggestion,
    ConditionalProcessor,
    HighlightIncrementalSearchProcessor,
    HighlightSelectionProcessor,
)
from prompt_toolkit.layout.screen import Screen, WritePosition
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.styles import Style
from prompt_toolkit.widgets import SearchToolbar

from handlers.database.console.long_lines import ColoursOfLines, LongLines

MENU_ROWS = 7
"""Maximum rows of completions below the text."""
STYLE = Style.from_dict(
    {
        "pygments.keyword": "ansibrightblue bold",
        "pygments.literal.string": "ansigreen",
        "pygments.literal.number": "ansicyan",
        "pygments.comment": "ansibrightblack italic",
        "pygments.name.builtin": "ansiyellow",
        "auto-suggestion": "ansibrightblack",
        "completion-menu": "bg:#303030 ansiwhite",
        "completion-menu.completion.current": "bg:ansiblue ansiwhite noreverse",
        "completion-menu.meta.completion": "bg:#303030 ansigray",
        "completion-menu.meta.completion.current": "bg:ansiblue ansiwhite",
        "scrollbar.background": "bg:#303030",
        "scrollbar.button": "bg:#808080",
        "prompt": "bold",
        "left-out": "ansibrightblack",
    }
)


def prompt_layout(buffer: Buffer, lexer: Lexer, prompt: Callable[[], str]) -> Layout:
    """Create the layout of an editor of `buffer`, whose first line begins with `prompt`."""
    search = SearchToolbar()
    control = BufferControl(
        buffer=buffer,
        search_buffer_control=search.control,
        input_processors=[
            LongLines(),
            HighlightIncrementalSearchProcessor(),
            HighlightSelectionProcessor(),
            ConditionalProcessor(AppendAutoSuggestion(), ~is_searching & ~is_done),
        ],
        include_default_input_processors=False,
        lexer=ColoursOfLines(lexer),
        preview_search=True,
    )

    def prefix(line: int, wrapped: int) -> StyleAndTextTuples:
        text = prompt()
        if line == 0 and wrapped == 0:
            return [("class:prompt", text)]
        return [("", ("" if wrapped else "> ").rjust(len(text)))]

    def height() -> Dimension:
        menu = MENU_ROWS if buffer.complete_state is not None and not get_app().is_done else 0
        return Dimension(min=buffer.document.line_count + menu)

    text = Window(control, height=height, get_line_prefix=prefix, wrap_lines=True)
    menu = Float(_menu(buffer), xcursor=True, ycursor=True, transparent=True)
    body = FloatContainer(text, [menu])
    repeat = Window(FormattedTextControl(_repeat), height=1)
    extended = HSplit([body, ConditionalContainer(repeat, has_arg), search])
    extra = (is_searching | has_arg) & ~is_done
    return Layout(_Root(extended, Condition(extra), body), text)


def layout_parts(layout: Layout) -> list[object]:
    """Return the containers, controls and buffers of a layout, which refer to each other."""
    controls = list(layout.find_all_controls())
    buffers = [control.buffer for control in controls if isinstance(control, BufferControl)]
    return [*layout.walk(), *controls, *buffers]


def _menu(buffer: Buffer) -> CompletionsMenu:
    """The completions, with a scroll bar if there are more than fit."""

    def is_long() -> bool:
        state = buffer.complete_state
        return state is not None and len(state.completions) > MENU_ROWS

    menu = CompletionsMenu(max_height=MENU_ROWS, scroll_offset=1, extra_filter=~is_searching)
    window = cast(Window, menu.content)
    window.right_margins = [ConditionalMargin(ScrollbarMargin(), Condition(is_long))]
    return menu


def _repeat() -> str:
    return f"Repeat: {get_app().key_processor.arg}"


class _Root(ConditionalContainer):
    """Draws only the required rows, whereas prompt_toolkit draws and compares all rows of the
    screen; and keeps no mouse handlers, because the editor gets no mouse events."""

    _rows = 0

    def preferred_height(self, width: int, max_available_height: int) -> Dimension:
        height = super().preferred_height(width, max_available_height)
        self._rows = height.preferred
        return height

    def write_to_screen(
        self,
        screen: Screen,
        mouse_handlers: MouseHandlers,
        write_position: WritePosition,
        parent_style: str,
        erase_bg: bool,
        z_index: int | None,
    ) -> None:
        write_position.height = min(write_position.height, self._rows)
        super().write_to_screen(screen, _NO_MOUSE, write_position, parent_style, erase_bg, z_index)


class _NoMouse(MouseHandlers):
    def set_mouse_handler_for_range(self, *args: object, **values: object) -> None:
        pass


_NO_MOUSE = _NoMouse()
