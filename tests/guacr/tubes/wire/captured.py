"""The captured messages of `captures`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CAPTURES = Path(__file__).parent / "captures"
_RUN = re.compile(r"\{(..)\*(\d+)\}")


@dataclass(frozen=True)
class Captured:
    """A message, and what was found out about it."""

    name: str
    data: bytes
    facts: dict[str, Any]

    @property
    def payloads(self) -> list[tuple[int, bytes]]:
        """The conn_no and payload of each frame, cut out by the lengths that were noted."""
        found, at = [], 0
        for conn_no, _, length in self.facts["frames"]:
            found.append((conn_no, self.data[at + 16 : at + 16 + length]))
            at += length + 17
        return found


def unsqueezed(text: str) -> bytes:
    """Return the bytes of hexadecimal digits with runs."""
    return bytes.fromhex(_RUN.sub(lambda run: run[1] * int(run[2]), text))


def _read(name: str) -> Iterator[Captured]:
    for number, line in enumerate((CAPTURES / name).read_text().splitlines(), 1):
        facts = json.loads(line)
        yield Captured(facts.get("name", f"{number}"), unsqueezed(facts["hex"]), facts)


FRAMES = list(_read("frames.jsonl"))
FRAGMENTS = list(_read("fragments.jsonl"))
