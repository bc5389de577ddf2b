"""FreeRDP as the engine of workers."""

from __future__ import annotations

import ctypes
import mmap

from handlers.rdp.channel.memory import PIXELS
from handlers.rdp.freerdp.client import Client
from handlers.rdp.freerdp.library import Library
from handlers.rdp.worker.client import Engine, Surroundings


def load() -> Engine:
    """Load FreeRDP.

    Raises:
        UnavailableError: it is missing, or of an unknown version.
    """
    library = Library()

    def connect(
        surroundings: Surroundings, sock: int, memory: mmap.mmap, header: memoryview
    ) -> Client:
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        return Client(library, surroundings, sock, start + PIXELS, header)

    return Engine("freerdp", ".".join(map(str, library.version)), connect)
