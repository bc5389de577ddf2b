"""Passes typed bytes to a question in the terminal or to the host, or queues them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from guacr.api import BusyError, SessionClosedError, SessionTimeoutError, shorten
from terminal.input.prompt import LinePrompt, plain_text

ASK_TIMEOUT = 300.0
"""Seconds within which a person must answer a question."""
TYPED_AHEAD_MAX = 65536
"""Maximum bytes that are typed or pasted before the host accepts them; more is refused visibly."""


class InputQueue:
    """The input of all users of a terminal, in order.

    Args:
        send: sends bytes to the host.
        show: shows bytes in the terminal.
        refuse: is called with a sentence when typed bytes are discarded.
    """

    __slots__ = ("_ahead", "_answered", "_host_ready", "_prompt", "_refuse", "_send", "_show")

    def __init__(
        self,
        send: Callable[[bytes], None],
        show: Callable[[bytes], None],
        refuse: Callable[[str], None],
    ) -> None:
        self._send = send
        self._show = show
        self._refuse = refuse
        self._host_ready = False
        self._ahead = bytearray()
        self._prompt: LinePrompt | None = None
        self._answered: asyncio.Future[None] | None = None

    @property
    def host_ready(self) -> bool:
        """True if bytes go to the host."""
        return self._host_ready

    def start(self) -> None:
        """Send input to the host, which accepts it now."""
        self._host_ready = True
        self._hand_out()

    def put(self, data: bytes) -> None:
        """Add bytes that somebody typed or pasted; they consist of whole keys."""
        if self._host_ready and self._prompt is None:
            self._send(data)
        elif len(self._ahead) + len(data) > TYPED_AHEAD_MAX:
            self._refuse("too much was typed before the remote host was ready: try again then")
        else:
            self._ahead += data
            self._hand_out()

    async def ask(self, question: str, *, echo: bool) -> str:
        """Return a line that is typed in the terminal, as `TerminalHandler.ask` does."""
        if self._prompt is not None:
            raise BusyError("another question is open in the terminal")
        prompt = self._prompt = LinePrompt(question, echo=echo)
        self._answered = asyncio.get_running_loop().create_future()
        self._show(prompt.opening())
        self._hand_out()
        try:
            async with asyncio.timeout(ASK_TIMEOUT):
                await self._answered
        except TimeoutError:
            asked = shorten(plain_text(question).strip())
            raise SessionTimeoutError(
                f"nobody answered {asked} within {ASK_TIMEOUT / 60:.0f} minutes: connect again"
            ) from None
        finally:
            self._prompt = self._answered = None
        if prompt.answer is None:
            raise SessionClosedError("the question in the terminal was cancelled: connect again")
        return prompt.answer

    def _hand_out(self) -> None:
        """Pass on queued bytes, as far as they are accepted."""
        data = bytes(self._ahead)
        if self._prompt is not None:
            if not self._prompt.done:
                self._answer(self._prompt, data)
        elif self._host_ready and data:
            self._ahead.clear()
            self._send(data)

    def _answer(self, prompt: LinePrompt, data: bytes) -> None:
        shown, rest = prompt.take(data)
        self._ahead[:] = rest
        self._show(shown)
        if prompt.done and self._answered is not None and not self._answered.done():
            self._answered.set_result(None)
