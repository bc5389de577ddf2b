"""Both engines are fed the same well-formed sequences, and have to show the same."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.terminal.conformance.case import ENGINES, Picture, open_engine, picture
from tests.terminal.engine import Heard

SEEDS = range(300)
SIDES_SEEDS = range(100)
LENGTH = 24

_WORDS = "abc xyz"
_OTHERS = ("漢", "字", "é", "e\u0301", "\U0001f642", "─", "漢字")
_CONTROLS = ("\r", "\n", "\r\n", "\b", "\t", "\v", "\x0e", "\x0f", "\a")
_MOVES = "ABCDEFGILMPSTX@`db"
_PENS = (
    *("", "0", "1", "4", "7", "31", "44", "38;5;9", "48;2;1;2;3", "4:3", "58:5:3", "22", "27"),
    *("39", "49", "1;2;3", "91", "107", "21", "24", "38:2::9:8:7", "53", "9;29"),
)
_STATES = (
    *("\x1b7", "\x1b8", "\x1bD", "\x1bM", "\x1bE", "\x1bH", "\x1b[s", "\x1b[u", "\x1b#8", "\x1bc"),
    *("\x1b[?6h", "\x1b[?6l", "\x1b[?7l", "\x1b[?7h", "\x1b[4h", "\x1b[4l", "\x1b[20h", "\x1b[20l"),
    *("\x1b[?1049h", "\x1b[?1049l", "\x1b[?1047h", "\x1b[?1047l", "\x1b[?25l", "\x1b[?25h"),
    *("\x1b[?45h", "\x1b[?45l", "\x1b[?1045h", "\x1b[?1045l"),
    *("\x1b[>5u", "\x1b[>u", "\x1b[<u", "\x1b[=2;2u", "\x1b[?u"),
    *(
        "\x1b[2 q",
        "\x1b[5 q",
        "\x1b[r",
        "\x1b[6n",
        "\x1b]2;t\x07",
        "\x1b]11;?\x07",
    ),
    *("\x1b[0g", "\x1b[3g", "\x1b[J", "\x1b[1J", "\x1b[2J", "\x1b[K", "\x1b[1K", "\x1b[2K"),
)
_SIDES = (
    *("\x1b[5;15s", "\x1b[3;9s", "\x1b[?69l", "\x1b[?69h", "\x1b[2;4r", "\x1b[r", "\x1b[6n", "\r"),
    *("\x1b[2L", "\x1b[2M", "\x1b[3S", "\x1b[2T", "\x1b[3@", "\x1b[3P", "\x1b[9C", "\x1b[4;16H"),
)
"""Not BS, CUB and HT, which libghostty takes otherwise; see docs/conformance.md."""


def _sequences(seed: int) -> list[str]:
    source = random.Random(seed)

    def number(limit: int) -> str:
        # Not 0, and no CBT, HPR and VPR: docs/conformance.md says what libghostty makes of them.
        return str(source.randint(1, limit)) if source.random() < 0.8 else ""

    kinds: tuple[Callable[[], str], ...] = (
        lambda: "".join(source.choices(_WORDS, k=source.randint(1, 25))),
        lambda: source.choice(_OTHERS),
        lambda: source.choice(_CONTROLS),
        lambda: f"\x1b[{number(6)}{source.choice(_MOVES)}",
        lambda: f"\x1b[{number(7)};{number(22)}{source.choice('Hfr')}",
        lambda: f"\x1b[{source.choice(_PENS)}m",
        lambda: source.choice(_STATES),
    )
    weights = (6, 2, 2, 5, 2, 3, 3)
    return [kind() for kind in source.choices(kinds, weights, k=LENGTH)]


def _shown(name: str, sequences: list[str], cut: int | None = None) -> tuple[Picture, Heard]:
    heard = Heard()
    emulator = open_engine(name, heard, lines=5)
    data = "".join(sequences).encode()
    for part in (data[:cut], data[cut:]) if cut else (data,):
        emulator.feed(part)
    shown = picture(emulator.update(full=True))
    emulator.close()
    return shown, heard


@pytest.mark.parametrize("seed", SEEDS)
def test_both_engines_show_the_same(seed: int) -> None:
    sequences = _sequences(seed)
    first, second = (_shown(name, sequences) for name in ENGINES)
    assert first == second, sequences


@pytest.mark.parametrize("seed", SIDES_SEEDS)
def test_both_engines_show_the_same_between_margins_at_the_sides(seed: int) -> None:
    source = random.Random(seed)
    left, right = source.randint(1, 9), source.randint(11, 20)
    sequences = [f"\x1b[?69h\x1b[{left};{right}s"]
    for sequence in _sequences(seed):
        if sequence not in ("\b", "\t", "\x1b[?6h") and sequence[-1] not in "DI":
            sequences += [sequence, source.choice(_SIDES)]
    first, second = (_shown(name, sequences) for name in ENGINES)
    assert first == second, sequences


@pytest.mark.parametrize("seed", range(20))
def test_bytes_may_be_cut_anywhere(seed: int) -> None:
    sequences = _sequences(seed)
    whole = _shown("pyte", sequences)
    for cut in range(1, len("".join(sequences).encode()), 7):
        assert _shown("pyte", sequences, cut) == whole


def _rectangle(source: random.Random) -> str:
    """A function of the VT420, near or around the screen."""
    corners = ";".join(str(source.randint(0, high)) for high in (6, 22, 7, 25))
    given = source.choice(("", "1", "2", "7;1", "4;31", "0"))
    kinds = (
        f"{corners}$z", f"{source.randint(30, 130)};{corners}$x", f"{corners};{given}$r",
        f"{corners};{given}$t", f"{corners};1;{source.randint(1, 6)};{source.randint(1, 22)}$v",
        f"{source.randint(0, 5)}'}}", f"{source.randint(0, 5)}'~", f"{source.randint(0, 5)} @",
        f"{source.randint(0, 5)} A", f"{source.randint(0, 2)}*x", "!p", f"1;1;{corners}*y",
    )  # fmt: skip
    return source.choice((*(f"\x1b[{kind}" for kind in kinds), "\x1b6", "\x1b9"))


@pytest.mark.parametrize("seed", SIDES_SEEDS)
def test_both_engines_show_the_same_after_rectangles(seed: int) -> None:
    source = random.Random(seed)
    sequences: list[str] = []
    for sequence in _sequences(seed):
        # libghostty's last column flag does not outlive them, nor does an underline's colour, nor
        # what REP repeats
        if "58" not in sequence and sequence[-1] != "b":
            sequences += [sequence, "\r", _rectangle(source)]
    first, second = (_shown(name, sequences) for name in ENGINES)
    assert first == second, sequences
