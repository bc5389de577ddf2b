"""Who answers a host at login, and who takes what a shell prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from handlers.ssh.key_texts import PrivateKey


class Dialogue(Protocol):
    """Who speaks for the user at login. None as an answer means: no more of this kind."""

    def begun(self, fingerprint: str) -> None:
        """The host has shown its key and takes logins."""

    def partial_success(self) -> None:
        """What was said last is right, and the host wants more (RFC 4252, section 5.1)."""

    def banner(self, text: str) -> None:
        """What the host says before the login."""

    def next_key(self) -> PrivateKey | None:
        """A key to offer."""

    async def password(self) -> str | None:
        """A password to try."""

    async def new_password(self, prompt: str) -> tuple[str, str] | None:
        """The old password and a new one, for the host wants it changed."""

    def takes_prompts(self) -> bool:
        """Whether the host may ask questions (keyboard-interactive, RFC 4256)."""

    async def answers(
        self, instructions: Sequence[str], prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        """An answer to each prompt, which says whether its answer is shown."""


class ShellListener(Protocol):
    """Who takes what a shell prints."""

    def shell_output(self, data: bytes) -> None:
        """Bytes for the screen."""

    def shell_blocked(self, blocked: bool) -> None:
        """The host takes no more input for now, or takes it again."""
