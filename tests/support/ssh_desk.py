"""A person at a terminal: a daemon, a client of it, and the terminal's text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from guacr.daemon import Daemon
from guacr.session.session import Session
from guacr.settings.models import SshSettings
from guacr.testing.client import GuacClient, Hello
from guacr.testing.daemon import local_settings
from handlers.terminal import TerminalHandler
from terminal.engines.contents import Position, Span
from tests.support.openssh import OpenSsh
from tests.support.waiting import until

PROMPT = "ready> "
LEFT_ARROW, CONTROL = 0xFF51, 0xFFE3


class Desk:
    """One client in one session."""

    def __init__(self, client: GuacClient, session: Session) -> None:
        self.client = client
        self.session = session
        assert isinstance(session.handler, TerminalHandler)
        self.handler = session.handler
        self._last_text: str | None = None
        self._close_terminal = self.handler.terminal.close
        self.handler.terminal.close = self._closing  # type: ignore[method-assign]

    @property
    def freed(self) -> bool:
        """True if the session is over and cleaned up; `text` is then the last text."""
        return self._last_text is not None

    def _closing(self) -> None:
        """Keep the text of a terminal that is about to be freed."""
        if self._last_text is None:
            self._last_text = self.text
        self._close_terminal()

    @property
    def text(self) -> str:
        """The text of the terminal with its scrollback; rows end with a line feed."""
        if self._last_text is not None:
            return self._last_text
        emulator = self.handler.terminal.emulator
        last = Position(emulator.columns - 1, emulator.scrollbar.total - 1)
        return emulator.text(Span(Position(0, 0), last))

    async def see(self, text: str, timeout: float = 40.0) -> None:
        """Wait until the terminal shows a text."""
        try:
            await until(lambda: text in self.text, f"{text!r} in the terminal", timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}; it shows {self.text!r}") from None

    def control(self, letter: str) -> None:
        """Type a letter with Ctrl held."""
        self.client.key(CONTROL, True)
        self.client.key(ord(letter))
        self.client.key(CONTROL, False)

    async def failure(self, timeout: float = 40.0) -> tuple[str, int]:
        """Sentence and status with which the session ends."""
        await self.client.wait(lambda: self.client.state.errors, "an error", timeout)
        await self.client.wait_closed()
        return self.client.state.errors[0]

    async def end(self) -> None:
        """Wait for the session's regular end."""
        await self.client.wait(lambda: self.client.state.disconnect, "the end")
        await self.client.wait_closed()
        assert not self.client.state.errors


@asynccontextmanager
async def ssh_daemon(**settings: object) -> AsyncIterator[Daemon]:
    """A daemon; `settings` are those of the section ssh."""
    ssh = SshSettings.model_validate({"known_hosts": None} | settings)
    daemon = Daemon(local_settings(ssh=ssh))
    await daemon.start()
    try:
        yield daemon
    finally:
        await daemon.close()


@asynccontextmanager
async def desk(
    daemon: Daemon,
    parameters: dict[str, str],
    hello: Hello | None = None,
    protocol: str = "ssh",
) -> AsyncIterator[Desk]:
    """A session with these parameters, until the block ends."""
    address = "127.0.0.1", daemon.port
    client = await GuacClient.connect(address, protocol, parameters, hello=hello)
    try:
        yield Desk(client, daemon.registry.sessions[client.state.ready])
    finally:
        await client.close()


@asynccontextmanager
async def shell(
    daemon: Daemon, server: OpenSsh, key: str, **parameters: str
) -> AsyncIterator[Desk]:
    """A shell on a real server, at its prompt."""
    values = server.address | {"username": server.user, "private-key": key} | parameters
    async with desk(daemon, values) as opened:
        opened.client.type(f"PS1='{PROMPT[:-1]}'' '; cd; clear\n")
        await until(lambda: opened.text.strip() == PROMPT.strip(), f"prompt in {opened.text!r}")
        yield opened
