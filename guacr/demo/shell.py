"""The demo's SSH server: this user's shell, for clients with the key that was made for this run.

It listens only on this machine.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pwd
import signal
import struct
import sys
import termios
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from guacr.sshlib import asyncssh

CHUNK = 65536
"""Bytes read from the shell at a time."""
END_TIMEOUT = 2.0
"""Seconds within which a shell must end once its terminal is closed."""
INPUT_MAX = 65536
"""Bytes of pending input for the shell above which the client must wait."""

# Run by the child: its standard input becomes its controlling terminal, which only the leader of a
# session can do; then the child becomes the program.
_LAUNCHER = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[2:])
"""


class DemoShell:
    """The server, from `start` until `close`."""

    def __init__(self) -> None:
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        self._server: asyncssh.SSHAcceptor | None = None
        self._port = 0
        self._sessions: set[_ShellSession] = set()

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of a connection to it, once it listens."""
        return {
            "hostname": "127.0.0.1",
            "port": str(self._port),
            "username": _account().pw_name,
            "private-key": self._key.export_private_key().decode(),
            "host-key": self._host_key.export_public_key().decode().strip(),
            "terminal-type": "xterm-256color",
        }

    async def start(self) -> None:
        """Listen on a free port of this machine."""
        keys = asyncssh.import_authorized_keys(self._key.export_public_key().decode())
        self._server = await asyncssh.listen(
            "127.0.0.1",
            0,
            config=None,
            server_factory=lambda: _Server(self._sessions),
            server_host_keys=[self._host_key],
            authorized_client_keys=keys,
            password_auth=False,
            kbdint_auth=False,
            encoding=None,
        )
        self._port = self._server.get_port()

    async def close(self) -> None:
        """Stop listening, and end the shells."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        for session in list(self._sessions):
            await session.end()


class _Server(asyncssh.SSHServer):
    """A connection: asyncssh checks the key, and this class creates its shells."""

    def __init__(self, sessions: set[_ShellSession]) -> None:
        self._sessions = sessions

    def session_requested(self) -> _ShellSession:
        session = _ShellSession(self._sessions)
        self._sessions.add(session)
        return session


class _ShellSession(asyncssh.SSHServerSession[bytes]):
    """A pseudo-terminal, the program on it, and the channel between program and client."""

    def __init__(self, sessions: set[_ShellSession]) -> None:
        self._sessions = sessions
        self._channel: asyncssh.SSHServerChannel[bytes]
        self._command: str | None = None
        self._master = -1
        self._input = bytearray()
        self._run: asyncio.Task[None] | None = None

    async def end(self) -> None:
        """Close the terminal, and wait until the program has ended."""
        self._hang_up()
        if self._run is not None:
            await asyncio.wait([self._run])

    # ---- called by asyncssh

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def pty_requested(
        self, term_type: str, term_size: tuple[int, int, int, int], term_modes: Mapping[int, int]
    ) -> bool:
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        self._command = command
        return True

    def session_started(self) -> None:
        self._run = asyncio.create_task(self._serve(), name="demo shell")

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self._input += data
        self._write_input()
        if len(self._input) > INPUT_MAX:
            self._channel.pause_reading()

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        if self._master >= 0:
            _set_size(self._master, (width, height, pixwidth, pixheight))

    def pause_writing(self) -> None:
        if self._master >= 0:
            self._loop.remove_reader(self._master)

    def resume_writing(self) -> None:
        if self._master >= 0:
            self._loop.add_reader(self._master, self._read_output)

    def eof_received(self) -> bool:
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._hang_up()

    # ---- the program

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    async def _serve(self) -> None:
        self._master, slave = os.openpty()
        try:
            os.set_blocking(self._master, False)
            _prepare(slave, self._channel)
            program = await _launch(self._command, slave, self._channel)
        finally:
            os.close(slave)
        self._loop.add_reader(self._master, self._read_output)
        try:
            status = await program.wait()
            while self._read_output():
                pass
            self._channel.exit(status if status >= 0 else 128 - status)
        finally:
            self._hang_up()
            await _kill(program)
            self._sessions.discard(self)

    def _read_output(self) -> bool:
        """Pass on available output; return whether there was any."""
        if self._master < 0:
            return False
        try:
            data = os.read(self._master, CHUNK)
        except BlockingIOError:
            return False
        except OSError:  # EIO: no process has the terminal open any more
            self._loop.remove_reader(self._master)
            return False
        self._channel.write(data)
        return bool(data)

    def _write_input(self) -> None:
        try:
            while self._input and self._master >= 0:
                del self._input[: os.write(self._master, self._input[:CHUNK])]
        except BlockingIOError:
            self._loop.add_writer(self._master, self._write_input)
            return
        except OSError:
            self._input.clear()
        if self._master >= 0:
            self._loop.remove_writer(self._master)
        self._channel.resume_reading()

    def _hang_up(self) -> None:
        """Close the terminal, so that the system sends SIGHUP to its processes."""
        if self._master >= 0:
            self._loop.remove_reader(self._master)
            self._loop.remove_writer(self._master)
            os.close(self._master)
            self._master = -1


async def _launch(
    command: str | None, slave: int, channel: asyncssh.SSHServerChannel[bytes]
) -> asyncio.subprocess.Process:
    """Start the user's login shell, or a command in it, as the leader of a session on a
    terminal."""
    shell = _account().pw_shell or "/bin/sh"
    name = Path(shell).name
    arguments = [f"-{name}"] if command is None else [name, "-c", command]
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-ISc",
        _LAUNCHER,
        shell,
        *arguments,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        cwd=_home(),
        env=_environment(channel),
    )


async def _kill(program: asyncio.subprocess.Process) -> None:
    """Wait for a program whose terminal is closed, and kill it if it does not end."""
    try:
        async with asyncio.timeout(END_TIMEOUT):
            await program.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        await program.wait()


def _environment(channel: asyncssh.SSHServerChannel[bytes]) -> dict[str, str]:
    """Return this process's environment with the client's variables."""
    asked = {name: value for name, value in channel.get_environment().items() if name != "PATH"}
    term = channel.get_terminal_type() or "dumb"
    return {**os.environ, **asked, "TERM": term, "SHELL": _account().pw_shell or "/bin/sh"}


def _prepare(slave: int, channel: asyncssh.SSHServerChannel[bytes]) -> None:
    """Set a terminal's size and erase character to those of the client."""
    _set_size(slave, channel.get_terminal_size())
    erase = channel.get_terminal_mode(asyncssh.PTY_VERASE)
    attributes = termios.tcgetattr(slave)
    if erase is not None:
        attributes[6][termios.VERASE] = bytes([erase & 0xFF])
    attributes[0] |= getattr(termios, "IUTF8", 0)
    termios.tcsetattr(slave, termios.TCSANOW, attributes)


def _set_size(terminal: int, size: tuple[int, int, int, int]) -> None:
    columns, rows, width, height = size
    packed = struct.pack("HHHH", *(min(value, 0xFFFF) for value in (rows, columns, width, height)))
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, packed)


def _account() -> pwd.struct_passwd:
    """Return the account of this user; a container may run as a user without one."""
    try:
        return pwd.getpwuid(os.getuid())
    except KeyError:
        home = os.environ.get("HOME", "/")
        return pwd.struct_passwd(("guacr", "x", os.getuid(), os.getgid(), "", home, "/bin/sh"))


def _home() -> str:
    home = os.environ.get("HOME") or _account().pw_dir
    return home if Path(home).is_dir() else "/"
