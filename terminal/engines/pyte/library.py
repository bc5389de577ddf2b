"""The part of pyte that guacr uses: its stream, whose tables name the functions of a screen."""

from pyte import Stream

__all__ = ["Stream"]
