"""The line editor: prompt_toolkit without a real terminal."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Awaitable, Callable, Iterator
from functools import cache

from prompt_toolkit.application import Application, application, create_app_session
from prompt_toolkit.application.current import get_app
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.buffer import Buffer, CompletionState
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.data_structures import Size
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import typeahead
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent, merge_key_bindings
from prompt_toolkit.key_binding.bindings.auto_suggest import load_auto_suggest_bindings
from prompt_toolkit.key_binding.defaults import load_key_bindings
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.renderer import CPR_Support
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Keyword, Name
from typing_extensions import override

from handlers.database.console.keyboard import Keyboard
from handlers.database.console.prompt_buffer import PromptBuffer
from handlers.database.console.prompt_layout import STYLE, layout_parts, prompt_layout
from handlers.database.history import TEXT_MAX, Texts

CONTEXT_MAX = 8192
"""Characters before the cursor that completion examines. The colours of a longer text start at the
visible part: a string or comment that began before it is not recognized."""
COMPLETE_HERE = 16_384
"""Characters up to which the end of a text is searched for at once; longer ones use a thread."""

Suggest = Callable[[str, str], list[tuple[str, str]]]
"""The text before the word, and the word → completions with descriptions."""

_FROM_HISTORY = AutoSuggestFromHistory()

# 1,700 bindings that depend on no application: a megabyte that each console would duplicate.
application.load_key_bindings = cache(load_key_bindings)  # type: ignore[attr-defined]


class InterruptedInputError(Exception):
    """Ctrl-C was pressed at the prompt."""


class _Screen(io.StringIO):
    """The output of the editor."""

    encoding = "utf-8"

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__()
        self._show = show

    def write(self, text: str) -> int:
        self._show(text)
        return len(text)

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise io.UnsupportedOperation


class _History(InMemoryHistory):
    """A history that begins with earlier sessions, and adds to them."""

    def __init__(self, texts: Texts, is_secret: Callable[[str], bool]) -> None:
        super().__init__(list(texts))
        self._texts = texts
        self._is_secret = is_secret

    def append_string(self, string: str) -> None:
        if len(string) <= TEXT_MAX and not self._is_secret(string):
            super().append_string(string)
            self._texts.append(string)
            del self._loaded_strings[len(self._texts) :]  # the newest is the first
            del self._storage[: -len(self._texts)]


class _Suggestions(Completer):
    def __init__(self, suggest: Suggest, word: re.Pattern[str]) -> None:
        self._suggest = suggest
        self._word = word

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        end = document.cursor_position
        context = Document(document.text[max(0, end - CONTEXT_MAX) : end])
        word = context.get_word_before_cursor(pattern=self._word)
        before = context.text[: len(context.text) - len(word)]
        for text, meta in self._suggest(before, word):
            yield Completion(text, start_position=-len(word), display_meta=meta)


class _Output(Vt100_Output):
    """An output whose terminal answers where the cursor is, until reading is cancelled."""

    @property
    @override
    def responds_to_cpr(self) -> bool:
        """False once the session ends: prompt_toolkit would wait for an answer for a second."""
        task = asyncio.current_task()
        return task is None or not task.cancelling()


class LineEditor:
    """Reads statements in a terminal.

    Args:
        show: called with what is drawn.
        size: columns and rows of the screen.
        complete: returns whether a text can be run, as opposed to continuing in the next line.
        suggest: completions.
        lexer: Pygments' name of the language.
        word: the pattern of a word that is completed.
        history: earlier input, the oldest first; new input is appended.
        is_secret: returns whether a text must not be kept in the history.
        max_undo: maximum characters of the undo history.
    """

    def __init__(
        self,
        show: Callable[[str], None],
        size: Callable[[], tuple[int, int]],
        *,
        complete: Callable[[str], bool],
        suggest: Suggest,
        lexer: str,
        word: re.Pattern[str],
        history: Texts,
        is_secret: Callable[[str], bool],
        max_undo: int,
    ) -> None:
        self.keyboard = Keyboard()
        self._prompt = ""
        self._buffer = PromptBuffer(
            max_undo,
            name=DEFAULT_BUFFER,
            completer=_Suggestions(suggest, word),
            history=_History(history, is_secret),
            accept_handler=self._accept,
            on_text_insert=_offer,
        )
        self._output = _Output(
            _Screen(show),
            lambda: Size(columns=size()[0], rows=size()[1]),
            term="xterm-256color",
            default_color_depth=ColorDepth.DEPTH_24_BIT,
            enable_cpr=True,
        )
        short = Condition(lambda: len(self._buffer.text) <= CONTEXT_MAX)
        colours = PygmentsLexer(_language(lexer), sync_from_start=short)
        self._app: Application[str] = Application(
            layout=prompt_layout(self._buffer, colours, lambda: self._prompt),
            style=STYLE,
            include_default_pygments_style=False,
            key_bindings=merge_key_bindings(
                [load_auto_suggest_bindings(), _bindings(complete, self.keyboard)]
            ),
            max_render_postpone_time=None,  # an echo is never delayed
            input=self.keyboard,
            output=self._output,
        )
        # The terminal always answers: no time-out is needed, which would end in a warning.
        self._app.renderer.cpr_support = CPR_Support.SUPPORTED

    async def read(self, prompt: str, text: str = "") -> str:
        """Read input, beginning with `text`.

        Raises:
            InterruptedInputError: Ctrl-C was pressed.
            EOFError: Ctrl-D was pressed on empty input.
        """
        self.keyboard.interrupted = False
        self._prompt = prompt
        self._buffer.reset(Document(text))
        with create_app_session(self.keyboard, self._output):
            return await self._app.run_async(handle_sigint=False, set_exception_handler=False)

    def resize(self) -> None:
        """Adapt to a new size of the screen."""
        app = self._app
        if app.is_running and app.context is not None:
            app.context.copy().run(app._on_resize)

    async def close(self) -> None:
        """Discard the input, and break the reference cycles of the editor, so that its objects are
        freed at once. Nothing may be called afterwards."""
        app = self._app
        await app.cancel_and_wait_for_background_tasks()
        # `clear_typeahead` would keep a list for each keyboard that there has ever been
        typeahead._buffer.pop(self.keyboard.typeahead_hash(), None)
        parts = (app.layout, app.key_processor, app.renderer, self._buffer, app, self.keyboard)
        for part in (*layout_parts(app.layout), *parts):
            vars(part).clear()

    def _accept(self, buffer: Buffer) -> bool:
        self._app.exit(result=buffer.text)
        return True  # the text stays in the buffer, and so on the screen


@cache
def _language(name: str) -> type[Lexer]:
    """Pygments' lexer with a name. Its SQL lexers treat the letters A, C, G, K and M as keywords
    (SQL has them to describe other languages); here they are table names."""
    language = type(get_lexer_by_name(name))

    class Language(language):  # type: ignore[valid-type, misc]
        def get_tokens_unprocessed(
            self, text: str, *args: object
        ) -> Iterator[tuple[int, object, str]]:
            for index, kind, value in super().get_tokens_unprocessed(text, *args):
                is_letter = len(value) == 1 and kind in Keyword
                yield index, Name if is_letter else kind, value

    return Language


def _bindings(complete: Callable[[str], bool], keyboard: Keyboard) -> KeyBindings:
    bindings = KeyBindings()
    at_text = has_focus(DEFAULT_BUFFER)

    @bindings.add("enter", filter=at_text)
    def enter(event: KeyPressEvent) -> Awaitable[None] | None:
        buffer = event.current_buffer
        if len(buffer.text) > COMPLETE_HERE:
            keyboard.hold(event.key_processor.empty_queue())
            return end_long(buffer)  # prompt_toolkit runs it as a task
        end(buffer, is_complete=complete(buffer.text))
        return None

    async def end_long(buffer: Buffer) -> None:
        try:
            is_complete = await asyncio.to_thread(complete, buffer.text)
            end(buffer, is_complete=is_complete)
        finally:
            keyboard.release()

    def end(buffer: Buffer, *, is_complete: bool) -> None:
        if is_complete:
            buffer.validate_and_handle()
        else:
            buffer.newline()

    @bindings.add("tab", filter=at_text)
    def tab(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        state = buffer.complete_state
        selected = state is not None and state.complete_index is not None
        found = [] if selected else _offered(buffer)
        if len(found) == 1:
            buffer.cancel_completion()
            buffer.apply_completion(found[0])
        elif state:
            buffer.complete_next()
        else:
            buffer.start_completion(insert_common_part=True)

    @bindings.add("c-c", filter=at_text)
    def interrupt(event: KeyPressEvent) -> None:
        event.app.exit(exception=InterruptedInputError)

    @bindings.add("c-d", filter=at_text & Condition(lambda: not get_app().current_buffer.text))
    def leave(event: KeyPressEvent) -> None:
        event.app.exit(exception=EOFError)

    return bindings


def _offer(buffer: Buffer) -> None:
    """Show completions and suggestions together with the key itself: prompt_toolkit would use
    tasks, and draw everything again after each."""
    found, document = _offered(buffer), buffer.document
    if found and not (len(found) == 1 and document.text_before_cursor.endswith(found[0].text)):
        buffer.complete_state = CompletionState(document, found)
    buffer.suggestion = _FROM_HISTORY.get_suggestion(buffer, document)


def _offered(buffer: Buffer) -> list[Completion]:
    return list(buffer.completer.get_completions(buffer.document, CompleteEvent()))
