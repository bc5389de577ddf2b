"""The interfaces that answer a host at login, and receive a shell's output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from handlers.ssh.key_texts import PrivateKey


class Dialogue(Protocol):
    """Answers for the user at login. None means that there are no more answers of this kind."""

    def begun(self, fingerprint: str) -> None:
        """Handle the host's key: the host now accepts logins."""

    def partial_success(self) -> None:
        """Handle a success after which the host requires more (RFC 4252, section 5.1)."""

    def banner(self, text: str) -> None:
        """Handle a message of the host before the login."""

    def next_key(self) -> PrivateKey | None:
        """Return a key to offer."""

    async def password(self) -> str | None:
        """Return a password to try."""

    async def new_password(self, prompt: str) -> tuple[str, str] | None:
        """Return the old password and a new one, because the host wants it changed."""

    def takes_prompts(self) -> bool:
        """Return whether the host may ask questions (keyboard-interactive, RFC 4256)."""

    async def answers(
        self, instructions: Sequence[str], prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        """Return an answer to each prompt; a prompt says whether its answer is echoed."""


class ShellListener(Protocol):
    """Receives a shell's output."""

    def shell_output(self, data: bytes) -> None:
        """Handle bytes for the screen."""

    def shell_blocked(self, blocked: bool) -> None:
        """Handle that the host accepts no more input for now, or accepts it again."""
