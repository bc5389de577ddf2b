"""The cases in which an engine deviates from the conformance set, with reasons.

A case listed here must fail, so that the list stays true; docs/conformance.md is its prose.
"""

from __future__ import annotations

_NO_LEFT_STOP = "the left margin stops no cursor"

GHOSTTY: dict[str, str] = {
    "swallowed: OSC 133": "a prompt begins on a row of its own",
    "DEL is not drawn": "DEL takes a cell, which is drawn empty",
    "sides: CUB stops at the margin": _NO_LEFT_STOP,
    "sides: BS stops at the margin": _NO_LEFT_STOP,
    "sides: HT from behind the margins": "HT goes nowhere behind the right margin",
}
PYTE: dict[str, str] = {}

DIFFERENCES = {"ghostty": GHOSTTY, "pyte": PYTE}
