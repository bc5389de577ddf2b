"""Somebody at the terminal, without a terminal."""

from __future__ import annotations

from dataclasses import dataclass, field

from guacr.errors import SessionClosedError


@dataclass(slots=True)
class Person:
    """Types `answers` in turn, and cancels when there are no more."""

    answers: list[str] = field(default_factory=list)
    asked: list[tuple[str, bool]] = field(default_factory=list)
    """Questions, and whether their answers were to be shown."""
    shown: list[str] = field(default_factory=list)

    async def ask(self, prompt: str, *, echo: bool = True) -> str:
        self.asked.append((prompt, echo))
        if not self.answers:
            raise SessionClosedError("cancelled")
        return self.answers.pop(0)

    def print_line(self, text: str) -> None:
        self.shown.append(text)
