"""Session descriptions as other libraries write them."""

from __future__ import annotations

import json
from pathlib import Path


def _load() -> dict[str, str]:
    found = json.loads(Path(__file__).with_suffix(".json").read_text())
    del found["origin"]
    return {name: "".join(f"{line}\r\n" for line in lines) for name, lines in found.items()}


DESCRIPTIONS = _load()
"""Library, and "offer" or "answer" → text."""
KEEPER = {name: text for name, text in DESCRIPTIONS.items() if name.startswith("keeper")}
