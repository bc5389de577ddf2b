"""What guacr takes of pyte: its screen and its stream, to be extended."""

from pyte import Screen, Stream
from pyte.screens import Margins

__all__ = ["Margins", "Screen", "Stream"]
