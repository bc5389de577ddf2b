"""An SSH server that asks at login: what OpenSSH asks only through PAM, with any number of prompts
and rounds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncssh

Prompts = Sequence[tuple[str, bool]]
Challenge = bool | tuple[str, str, str, Prompts]


@dataclass(slots=True)
class Questions:
    """The questions of a login, and their outcome."""

    rounds: list[tuple[str, Prompts, list[str]]]
    """Instructions, prompts and the right answers of each request."""
    banner: str = ""
    attempts: list[list[str]] = field(default_factory=list)
    """All answers, round by round."""
    passwords: list[str] = field(default_factory=list)
    """Passwords tried by the method of that name."""
    methods: tuple[str, ...] = ("keyboard-interactive",)
    expired: bool = False
    """True if the password has to be changed."""
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)
    """All that there have been."""


class _Server(asyncssh.SSHServer):
    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._round = 0
        self._connection: asyncssh.SSHServerConnection

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._questions.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        if self._questions.banner:
            self._connection.send_auth_banner(self._questions.banner)
        return True

    def kbdint_auth_supported(self) -> bool:
        return "keyboard-interactive" in self._questions.methods

    def password_auth_supported(self) -> bool:
        return "password" in self._questions.methods

    def validate_password(self, username: str, password: str) -> bool:
        self._questions.passwords.append(password)
        if self._questions.expired:
            raise asyncssh.PasswordChangeRequired("Your password has expired.")
        return password == "right"

    def change_password(self, username: str, old_password: str, new_password: str) -> bool:
        self._questions.passwords += [old_password, new_password]
        return True

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Challenge:
        self._round = 0
        return self._challenge()

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> Challenge:
        self._questions.attempts.append(list(responses))
        if list(responses) != self._questions.rounds[self._round][2]:
            return False
        self._round += 1
        return True if self._round == len(self._questions.rounds) else self._challenge()

    def _challenge(self) -> Challenge:
        instructions, prompts, _ = self._questions.rounds[self._round]
        return "", instructions, "", prompts


def _greet(process: asyncssh.SSHServerProcess[str]) -> None:
    process.stdout.write(f"welcome {process.get_extra_info('username')}\r\n")
    process.exit(0)


@asynccontextmanager
async def asking_server(questions: Questions) -> AsyncIterator[dict[str, str]]:
    """A server that asks; the parameters that name it."""
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=lambda: _Server(questions),
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        process_factory=_greet,
    )
    try:
        yield {"hostname": "127.0.0.1", "port": str(server.get_port()), "username": "ann"}
    finally:
        server.close()
        await server.wait_closed()
        for connection in questions.connections:
            connection.abort()
            await connection.wait_closed()
