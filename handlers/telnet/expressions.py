"""POSIX extended regular expressions of users', searched in time linear in the text.

Python's own engine can take for ever on some expressions, and holds up every session meanwhile;
RE2 cannot. It knows no back-references, which POSIX's extended expressions do not have either.
"""

from __future__ import annotations

from collections.abc import Callable

import re2

from guacr.errors import BadRequestError, shorten

PATTERN_MAX = 4096
"""Characters of an expression."""
MEMORY_MAX = 1 << 20
"""Bytes that a compiled expression may take."""

Search = Callable[[str], bool]
"""Whether an expression is found in a text."""


def search(parameter: str, pattern: str) -> Search:
    """A function that looks for `pattern`, the value of a parameter.

    Raises:
        BadRequestError: it is no expression, or takes too much memory.
    """
    options = re2.Options()
    options.posix_syntax = True
    options.perl_classes = True  # \d, \s and \w do no harm
    options.word_boundary = True
    options.log_errors = False
    options.max_mem = MEMORY_MAX
    if len(pattern) > PATTERN_MAX:
        raise BadRequestError(f"parameter {parameter} is longer than {PATTERN_MAX} characters")
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        raise BadRequestError(
            f"parameter {parameter} must be a regular expression, not {shorten(pattern)}: {error}"
        ) from None
    return lambda text: compiled.search(text) is not None
