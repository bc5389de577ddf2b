"""A shell, or a command, that runs on a host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from guacr.sshlib import asyncssh
from handlers.ssh.failures import BrokenOffError, broken_off, reason

if TYPE_CHECKING:
    from handlers.ssh.dialogue import ShellListener


class Shell(asyncssh.SSHClientSession[bytes]):
    """A running shell. `ended` is done when it has: with None where the shell or its host ended
    it, in whatever way, or with the error where the network did. Who cancels it hears nothing
    more. `host_said_goodbye` tells whether the host has ended the connection in words.

    Bytes go from the connection to the listener without a task or a queue between.
    """

    INPUT_MAX = 1 << 20
    """Bytes of input that wait for the host before the users are asked to wait too."""
    LAST_WORDS = 1.0
    """Seconds without output in which the channel has to close after the shell's exit: something
    that the shell has left running may keep it open."""
    LAST_WORDS_MAX = 10.0
    """Seconds after the shell's exit in which output is shown at most."""

    def __init__(self, listener: ShellListener, host_said_goodbye: Callable[[], bool]) -> None:
        self.farewell = ""
        """Why it has ended, where that was no regular exit."""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        self._listener = listener
        self._host_said_goodbye = host_said_goodbye
        self._last_words: asyncio.TimerHandle | None = None
        self._exited = 0.0
        self._blocked = False
        self._channel: asyncssh.SSHClientChannel[bytes]

    def write(self, data: bytes) -> None:
        """Input for the shell; nothing happens once it has ended."""
        if not self._channel.is_closing():
            self._channel.write(data)

    def resize(self, window: tuple[int, int, int, int]) -> None:
        """The terminal has a new size."""
        if not self._channel.is_closing():
            self._channel.change_terminal_size(*window)

    def block(self, blocked: bool) -> None:
        """Take no more output from the host, whose window then fills, or take it again."""
        self._blocked = blocked
        if self._last_words is not None:
            self._exited = asyncio.get_running_loop().time()  # it could not say them before
            self._wait_for_last_words()
        if blocked:
            asyncio.get_running_loop().call_soon(self._hold)
        else:
            self._channel.resume_reading()

    def _hold(self) -> None:
        """Stop reading, but not while asyncssh hands out what it kept: it opens the host's window
        anew before that, and what it still kept would grow with every pause."""
        if self._blocked:
            self._channel.pause_reading()

    # What asyncssh calls

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """The channel is open."""
        self._channel = chan
        chan.set_write_buffer_limits(high=self.INPUT_MAX)

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """The shell printed; after its end nobody is there to see it."""
        if self.ended.done():
            return
        self._listener.shell_output(data)
        if (
            self._last_words is not None
            and asyncio.get_running_loop().time() < self._exited + self.LAST_WORDS_MAX
        ):
            self._wait_for_last_words()

    def pause_writing(self) -> None:
        """`INPUT_MAX` bytes are waiting."""
        self._listener.shell_blocked(True)

    def resume_writing(self) -> None:
        """The host has taken what waited."""
        self._listener.shell_blocked(False)

    def exit_status_received(self, status: int) -> None:
        """The shell has exited; what it printed last may still be on its way."""
        self._exited = asyncio.get_running_loop().time()
        self._wait_for_last_words()

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        """A signal ended the shell, which is an end as any other: of `kill -HUP $$`, say."""
        self.farewell = f"signal {reason(signal)} has ended the shell"
        self.exit_status_received(0)

    def eof_received(self) -> bool:
        """Nothing more is printed; some hosts leave it at that, and do not close the channel."""
        self.exit_status_received(0)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel or the whole connection has ended; what came while it was blocked is still
        there, and shown."""
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
        """Whether the host hung up, and not the network or asyncssh. Many devices do no more at
        `exit`; a loss, on which clients connect again, it is not."""
        if self._host_said_goodbye() or isinstance(error, ConnectionError):
            return True
        return isinstance(error, asyncssh.ConnectionLost) and not broken_off(error).silent

    def _wait_for_last_words(self) -> None:
        if self._last_words is not None:
            self._last_words.cancel()
        loop = asyncio.get_running_loop()
        self._last_words = loop.call_later(self.LAST_WORDS, self._silent)

    def _silent(self) -> None:
        """Nothing has come for long; while it is blocked, nothing could."""
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
