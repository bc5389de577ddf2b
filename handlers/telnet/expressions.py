"""POSIX extended regular expressions from users, with linear search time.

Python's engine can take forever on some expressions, which would hold up every session; RE2 cannot.
It has no back-references, and neither do POSIX extended expressions.
"""

from __future__ import annotations

from collections.abc import Callable

import re2

from guacr.api import BadRequestError, clause, shorten

PATTERN_MAX = 4096
"""Maximum characters of an expression."""
MEMORY_MAX = 1 << 20
"""Maximum bytes of a compiled expression."""

Search = Callable[[str], bool]
"""A function that returns whether a text matches."""


def search(parameter: str, pattern: str) -> Search:
    """Return a function that searches for `pattern`, the value of a parameter.

    Raises:
        BadRequestError: the expression is invalid, or needs too much memory.
    """
    options = re2.Options()
    options.posix_syntax = True
    options.perl_classes = True  # \d, \s and \w are harmless
    options.word_boundary = True
    options.log_errors = False
    options.max_mem = MEMORY_MAX
    if len(pattern) > PATTERN_MAX:
        raise BadRequestError(f"parameter {parameter} is longer than {PATTERN_MAX} characters")
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else b""
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise BadRequestError(
            f"parameter {parameter} must be a regular expression, not {shorten(pattern)}: "
            f"{clause(text)}"
        ) from None
    return lambda text: compiled.search(text) is not None
