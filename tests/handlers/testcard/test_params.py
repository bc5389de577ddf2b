"""The test card's parameters stay where clients expect them."""

from __future__ import annotations

from handlers.testcard.params import TestcardParams as CardParams

NAMES = """
frame-rate colour-bars geometry still-text scrolling-text moving-window noise clock motion sound
microphone ask read-only disable-paste
""".split()  # noqa: SIM905 - a list of 14 strings is no easier to read


def test_names_and_their_order() -> None:
    assert [param.name for param in CardParams.declared()] == NAMES
