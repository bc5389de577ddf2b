"""Makes inputs by changing samples at random, and hands them to a target."""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterator, Sequence

Target = Callable[[bytes], None]

STACKED_MAX = 6
"""Changes made to one input."""
CORPUS_MAX = 500


def inputs(samples: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Endless inputs; the same for the same seed."""
    chance = random.Random(seed)
    corpus = list(samples)
    while True:
        data = chance.choice(corpus)
        for _ in range(chance.randint(1, STACKED_MAX)):
            data = chance.choice(_CHANGES)(data, chance, corpus)
        if len(corpus) < CORPUS_MAX and chance.random() < 0.05:
            corpus.append(data)
        yield data


def _flip(data: bytes, chance: random.Random, corpus: Sequence[bytes]) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]


def _insert(data: bytes, chance: random.Random, corpus: Sequence[bytes]) -> bytes:
    at = chance.randint(0, len(data))
    token = chance.choice([b".", b",", b";", b"0", b"9", b"-", "😀".encode(), b"\xff", b"00001."])
    return data[:at] + token * chance.choice([1, 1, 1, 2, 50]) + data[at:]


def _cut(data: bytes, chance: random.Random, corpus: Sequence[bytes]) -> bytes:
    start, end = sorted(chance.randint(0, len(data)) for _ in range(2))
    return data[:start] + data[end:]


def _double(data: bytes, chance: random.Random, corpus: Sequence[bytes]) -> bytes:
    start, end = sorted(chance.randint(0, len(data)) for _ in range(2))
    return (data[:end] + data[start:])[:200_000]


def _splice(data: bytes, chance: random.Random, corpus: Sequence[bytes]) -> bytes:
    other = chance.choice(corpus)
    return data[: chance.randint(0, len(data))] + other[chance.randint(0, len(other)) :]


_CHANGES = (_flip, _insert, _cut, _double, _splice)


def run(target: Target, samples: Sequence[bytes], *, count: int, seed: int = 1) -> None:
    """A number of inputs; a failing one is named in the error that it causes."""
    for data in [*samples, *_some(inputs(samples, seed), count)]:
        try:
            target(data)
        except Exception as error:
            error.add_note(f"with the input {data!r}")
            raise


def main(target: Target, samples: Sequence[bytes]) -> None:
    """The command line: fuzz for some seconds, with a seed that is printed."""
    parser = argparse.ArgumentParser(description=target.__module__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    options = parser.parse_args()
    print(f"seed {options.seed}")  # noqa: T201 - a command
    deadline, rounds = time.monotonic() + options.seconds, 0
    while time.monotonic() < deadline:
        run(target, samples, count=500, seed=options.seed + rounds)
        rounds += 1
    print(f"{rounds * 500} inputs, no failure")  # noqa: T201 - a command


def _some(source: Iterator[bytes], count: int) -> list[bytes]:
    return [next(source) for _ in range(count)]
