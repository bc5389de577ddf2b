"""The input to repeat after a lost connection, so that nothing is executed twice."""

from __future__ import annotations

ALL = "run what was typed"

Retry = tuple[str, str]
"""The input, and a description of its effect for a sentence."""


def rest(text: str, done: int, command: str = "") -> Retry:
    """The statements that were not executed, after the command that they belong to."""
    offer = "run the rest: what came before it was done" if text[:done].strip() else ALL
    return command + text[done:].strip(), offer


def rest_of_script(line: int) -> Retry:
    """The retry of an uploaded script, which is too long to be put into the prompt."""
    return "\\i", f"send the rest of the script, from its line {line} on"
