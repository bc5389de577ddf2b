"""A shell, or a command, on a host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from guacr.sshlib import asyncssh
from handlers.ssh.failures import BrokenOffError, broken_off, reason

if TYPE_CHECKING:
    from handlers.ssh.dialogue import ShellListener


class Shell(asyncssh.SSHClientSession[bytes]):
    """A running shell.

    `ended` is done when the shell has ended: with None if the shell or its host ended it, in
    whatever way, or with the error if the network did. After it is cancelled, nothing more is
    reported. `host_said_goodbye` returns whether the host has sent a disconnect message.

    Bytes go from the connection to the listener without a task or a queue in between.
    """

    INPUT_MAX = 1 << 20
    """Pending bytes of input at which the input of users is paused."""
    LAST_WORDS = 1.0
    """Seconds without output within which the channel must close after the shell's exit; background
    processes of the shell may keep it open."""
    LAST_WORDS_MAX = 10.0
    """Maximum seconds after the shell's exit during which output is shown."""

    def __init__(self, listener: ShellListener, host_said_goodbye: Callable[[], bool]) -> None:
        self.farewell = ""
        """The reason for the end, if it was not a regular exit."""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        self._listener = listener
        self._host_said_goodbye = host_said_goodbye
        self._last_words: asyncio.TimerHandle | None = None
        self._exited = 0.0
        self._blocked = False
        self._channel: asyncssh.SSHClientChannel[bytes]

    def write(self, data: bytes) -> None:
        """Send input to the shell; ignored after its end."""
        if not self._channel.is_closing():
            self._channel.write(data)

    def resize(self, window: tuple[int, int, int, int]) -> None:
        """Report a new size of the terminal."""
        if not self._channel.is_closing():
            self._channel.change_terminal_size(*window)

    def block(self, blocked: bool) -> None:
        """Stop reading output, so that the host's window fills, or resume."""
        self._blocked = blocked
        if self._last_words is not None:
            self._exited = asyncio.get_running_loop().time()  # it could not send them before
            self._wait_for_last_words()
        if blocked:
            asyncio.get_running_loop().call_soon(self._hold)
        else:
            self._channel.resume_reading()

    def _hold(self) -> None:
        """Stop reading, but not while asyncssh delivers its buffer: it reopens the host's window
        before that, and the buffer would grow with every pause."""
        if self._blocked:
            self._channel.pause_reading()

    # Called by asyncssh

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """Handle the open channel."""
        self._channel = chan
        chan.set_write_buffer_limits(high=self.INPUT_MAX)

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Handle output; after the end it is discarded."""
        if self.ended.done():
            return
        self._listener.shell_output(data)
        if (
            self._last_words is not None
            and asyncio.get_running_loop().time() < self._exited + self.LAST_WORDS_MAX
        ):
            self._wait_for_last_words()

    def pause_writing(self) -> None:
        """Handle that `INPUT_MAX` bytes are pending."""
        self._listener.shell_blocked(True)

    def resume_writing(self) -> None:
        """Handle that the pending input was sent."""
        self._listener.shell_blocked(False)

    def exit_status_received(self, status: int) -> None:
        """Handle the exit of the shell; its last output may still arrive."""
        self._exited = asyncio.get_running_loop().time()
        self._wait_for_last_words()

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        """Handle the end of the shell by a signal, such as of `kill -HUP $$`; a normal end."""
        self.farewell = f"signal {reason(signal)} ended the shell"
        self.exit_status_received(0)

    def eof_received(self) -> bool:
        """Handle the end of output; some hosts do not close the channel after it."""
        self.exit_status_received(0)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle the end of the channel or the connection; output that arrived while it was blocked
        is still shown."""
        if not self.ended.done():
            for data, _ in self._channel._recv_buf:
                self._listener.shell_output(data)
        if exc is None or self._last_words is not None:
            self._end(None)
        elif self._ended_by_host(exc):
            self.farewell = str(broken_off(exc)) or "the host has closed the connection"
            self._end(None)
        else:
            self._end(broken_off(exc))

    def _ended_by_host(self, error: Exception) -> bool:
        """Return whether the host disconnected, and not the network or asyncssh. Many devices do
        this at `exit`; it is not a loss, after which clients would reconnect."""
        if self._host_said_goodbye() or isinstance(error, ConnectionError):
            return True
        return isinstance(error, asyncssh.ConnectionLost) and not broken_off(error).silent

    def _wait_for_last_words(self) -> None:
        if self._last_words is not None:
            self._last_words.cancel()
        loop = asyncio.get_running_loop()
        self._last_words = loop.call_later(self.LAST_WORDS, self._silent)

    def _silent(self) -> None:
        """End the shell after a long silence; while it is blocked, nothing could arrive."""
        if self._blocked:
            self._wait_for_last_words()
        else:
            self._end(None)

    def _end(self, error: BrokenOffError | None) -> None:
        if self._last_words is not None:
            self._last_words.cancel()
        if self.ended.done():
            return
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)
