"""What is typed again for a person when the server was lost, so that nothing is done twice."""

from __future__ import annotations

ALL = "run what was typed"

Again = tuple[str, str]
"""What is typed, and what running it does, for a sentence."""


def rest(text: str, done: int, command: str = "") -> Again:
    """Statements but for what was done of them, behind the command that they belong to."""
    offer = "run the rest: what came before it was done" if text[:done].strip() else ALL
    return command + text[done:].strip(), offer


def rest_of_script(line: int) -> Again:
    """The same of a script that was uploaded, which is too long to type."""
    return "\\i", f"send the rest of the script, from its line {line} on"
