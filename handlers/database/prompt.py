"""The line editor: prompt_toolkit without a terminal of its own."""

from __future__ import annotations

import asyncio
import io
import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import copy_context
from functools import partial

from prompt_toolkit import PromptSession
from prompt_toolkit.application import create_app_session
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.buffer import Buffer, CompletionState
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.data_structures import Size
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.input.typeahead import clear_typeahead
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyBindings, KeyPress, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.renderer import CPR_Support
from prompt_toolkit.styles import Style
from pygments.lexers import get_lexer_by_name

from handlers.database.history import TEXT_MAX

KEYS_MAX = 65536
"""Keys kept of what is typed before somebody reads it; what is more is lost."""

Suggest = Callable[[str, str], list[tuple[str, str]]]
"""What is before the word, and the word → texts with what each is."""

_FROM_HISTORY = AutoSuggestFromHistory()
_STYLE = Style.from_dict(
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
        "prompt": "bold",
    }
)


class InterruptedInputError(Exception):
    """Ctrl-C was pressed at the prompt."""


class Keyboard(Input):
    """Keys from the bytes that a terminal sends.

    `sink`, while it is set, is asked first: it says whether it took the key. The others wait
    for the line editor. `interrupted` says that Ctrl-C was pressed while nobody read keys.
    """

    def __init__(self) -> None:
        self.sink: Callable[[str, str], bool] | None = None
        self.interrupted = False
        self._parser = Vt100Parser(self._key)
        self._keys: list[KeyPress] = []
        self._ready: Callable[[], None] | None = None

    def feed(self, data: bytes) -> None:
        """Bytes of whole keys."""
        self._parser.feed(data.decode(errors="replace"))
        if data == b"\x1b":
            self._parser.flush()
        if self._keys and self._ready is not None:
            self._ready()

    def _key(self, press: KeyPress) -> None:
        name = str(getattr(press.key, "value", press.key))
        if self.sink is not None and name != Keys.CPRResponse.value and self.sink(name, press.data):
            return
        if name == Keys.ControlC.value and self._ready is None:
            self.interrupted = True
        elif len(self._keys) < KEYS_MAX:
            self._keys.append(press)

    # ---- Input

    def read_keys(self) -> list[KeyPress]:
        """See `Input.read_keys`."""
        keys, self._keys = self._keys, []
        return keys

    @property
    def closed(self) -> bool:
        """See `Input.closed`."""
        return False

    def fileno(self) -> int:
        """See `Input.fileno`; there is none."""
        raise io.UnsupportedOperation

    def typeahead_hash(self) -> str:
        """See `Input.typeahead_hash`."""
        return f"guacr-{id(self)}"

    def raw_mode(self) -> AbstractContextManager[None]:
        """See `Input.raw_mode`."""
        return nullcontext()

    def cooked_mode(self) -> AbstractContextManager[None]:
        """See `Input.cooked_mode`."""
        return nullcontext()

    @contextmanager
    def attach(self, input_ready_callback: Callable[[], None]) -> Iterator[None]:
        """See `Input.attach`. Keys are fed from anywhere, but carried out in the context of
        here: prompt_toolkit finds its application there, and else takes another person's."""
        ready = partial(copy_context().run, input_ready_callback)
        before, self._ready = self._ready, ready
        if self._keys:
            asyncio.get_running_loop().call_soon(ready)
        try:
            yield
        finally:
            self._ready = before

    @contextmanager
    def detach(self) -> Iterator[None]:
        """See `Input.detach`."""
        before, self._ready = self._ready, None
        try:
            yield
        finally:
            self._ready = before


class _Screen(io.StringIO):
    """Where the editor draws."""

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
    """Begins with texts of earlier sessions, and adds to them."""

    def __init__(self, texts: deque[str], is_secret: Callable[[str], bool]) -> None:
        super().__init__(list(texts))
        self._texts = texts
        self._is_secret = is_secret

    def append_string(self, string: str) -> None:
        if len(string) <= TEXT_MAX and not self._is_secret(string):
            super().append_string(string)
            self._texts.append(string)


class _Suggestions(Completer):
    def __init__(self, suggest: Suggest, word: re.Pattern[str]) -> None:
        self._suggest = suggest
        self._word = word

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        word = document.get_word_before_cursor(pattern=self._word)
        before = document.text_before_cursor[: document.cursor_position - len(word)]
        for text, meta in self._suggest(before, word):
            yield Completion(text, start_position=-len(word), display_meta=meta)


class LineEditor:
    """Reads statements in a terminal.

    Args:
        show: takes what is drawn.
        size: columns and rows of the screen.
        complete: whether a text can be run, or goes on in the next line.
        suggest: completions.
        lexer: Pygments' name of the language.
        word: what is completed as one.
        history: what was typed before, the oldest first; what is read now is appended.
        is_secret: whether a text is not to be kept in the history.
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
        history: deque[str],
        is_secret: Callable[[str], bool],
    ) -> None:
        self.keyboard = Keyboard()
        output = self._output = Vt100_Output(
            _Screen(show),
            lambda: Size(columns=size()[0], rows=size()[1]),
            term="xterm-256color",
            default_color_depth=ColorDepth.DEPTH_24_BIT,
            enable_cpr=True,
        )
        self._session: PromptSession[str] = PromptSession(
            multiline=True,
            completer=_Suggestions(suggest, word),
            complete_while_typing=False,  # see _offer
            validate_while_typing=False,
            history=_History(history, is_secret),
            lexer=PygmentsLexer(type(get_lexer_by_name(lexer))),
            style=_STYLE,
            key_bindings=_bindings(complete),
            prompt_continuation=lambda width, line, wrapped: ("" if wrapped else "> ").rjust(width),
            include_default_pygments_style=False,
            interrupt_exception=InterruptedInputError,
            enable_history_search=False,
            input=self.keyboard,
            output=output,
        )
        self._session.app.max_render_postpone_time = None  # an echo waits for nothing
        # The terminal does answer: there is no need for a time-out, which ends in a warning.
        self._session.app.renderer.cpr_support = CPR_Support.SUPPORTED
        self._session.default_buffer.auto_suggest = None
        self._session.default_buffer.on_text_insert += _offer

    async def read(self, prompt: str, text: str = "") -> str:
        """What a person types, beginning with `text`.

        Raises:
            InterruptedInputError: Ctrl-C.
            EOFError: Ctrl-D on nothing.
        """
        self.keyboard.interrupted = False
        with create_app_session(self.keyboard, self._output):
            return await self._session.prompt_async(
                [("class:prompt", prompt)], default=text, handle_sigint=False,
                set_exception_handler=False,
            )  # fmt: skip

    def resize(self) -> None:
        """The screen has another size."""
        app = self._session.app
        if app.is_running and app.context is not None:
            app.context.copy().run(app._on_resize)

    def close(self) -> None:
        """Forget what was typed."""
        clear_typeahead(self.keyboard)


def _bindings(complete: Callable[[str], bool]) -> KeyBindings:
    bindings = KeyBindings()

    def enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if complete(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.newline()

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

    bindings.add("enter")(enter)
    bindings.add("tab")(tab)
    return bindings


def _offer(buffer: Buffer) -> None:
    """Show completions, and how a text went on before, along with the key itself: prompt_toolkit's
    own ways are tasks, and draw everything again after each."""
    found, document = _offered(buffer), buffer.document
    typed = document.get_word_before_cursor()
    if found and not (len(found) == 1 and found[0].text == typed):
        buffer.complete_state = CompletionState(document, found)
    buffer.suggestion = _FROM_HISTORY.get_suggestion(buffer, document)


def _offered(buffer: Buffer) -> list[Completion]:
    return list(buffer.completer.get_completions(buffer.document, CompleteEvent()))
