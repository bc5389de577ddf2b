"""Durations in words."""

from __future__ import annotations


def spoken(seconds: float) -> str:
    """Return a time in words, rounded to one of its units: "90 seconds", "15 minutes"."""
    whole = max(1, round(seconds))
    for unit, size in (("hour", 3600), ("minute", 60)):
        if whole >= size and whole % size == 0:
            return _plural(whole // size, unit)
    return _plural(whole, "second")


def _plural(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
