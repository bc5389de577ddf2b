"""The Kitty graphics protocol in front of libghostty: parses commands and limits their effects.

The library could decompress images itself, but regardless of its limits it joins up to 400 MB of
chunks, and inflates as much. So guacr decompresses the data, and the library never receives any
from a host.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from typing import Any

from terminal.engines.contents import PlacedImage
from terminal.engines.ghostty.controls import GhosttyControls
from terminal.engines.ghostty.events import Events
from terminal.engines.ghostty.images import ImageStore
from terminal.engines.graphics import Erasure, GraphicsCommand, GraphicsSplitter, Part
from terminal.engines.graphics_loading import PNG, Bitmap, GraphicsError, Loader, unpack

MAX_IMAGES = 512
"""Maximum images per screen; the oldest is removed for a new one."""

MAX_PLACEMENTS = 1024
"""Maximum placements, in view or not; beyond it all images are removed."""

MAX_AT_ONCE = 4096
"""Bytes up to which an uncompressed image is decoded without a thread."""

_UNNUMBERED = 1 << 31
"""Higher numbers are those of images to which the host gave none."""
_PACKING = frozenset("tfomsvSO")
"""Keys that describe the encoding of the data, which guacr has decoded."""
_NO_PLACEHOLDERS = "EINVAL: unicode placeholders are not supported"
_ANIMATION = frozenset("fac")
"""Actions that create, play or compose the frames of an animation."""
_QUIET = 2
"""The value of the key q that suppresses errors."""


class GhosttyGraphics:
    """The images of one terminal.

    Args:
        terminal: the library's; once it is freed, only `concerns` may be called.
        controls: receive everything except images.
        events: its listener receives the replies.
        limit: maximum bytes of images per screen; the oldest are removed to make room; 0 for no
            images.
        executor: threads that decompress images, or None.
    """

    __slots__ = (
        "_controls",
        "_enabled",
        "_events",
        "_executor",
        "_generation",
        "_job",
        "_limit",
        "_loader",
        "_numbers",
        "_splitter",
        "_store",
        "_unnumbered",
        "_waiting",
    )

    def __init__(
        self,
        terminal: Any,
        controls: GhosttyControls,
        events: Events,
        limit: int,
        executor: Executor | None,
    ) -> None:
        self._store = ImageStore(terminal)
        self._controls = controls
        self._events = events
        self._limit = limit
        self._executor = executor
        self._job: tuple[GraphicsCommand, Future[Bitmap]] | None = None
        """The image that is being decompressed."""
        self._waiting: deque[Part] = deque()
        """The bytes that follow it."""
        self._splitter = GraphicsSplitter(2 * limit)
        self._loader = Loader(limit)
        self._enabled = False
        """True if there may be images."""
        self._numbers: dict[bool, dict[int, None]] = {False: {}, True: {}}
        """The numbers of the images of the primary and the alternate screen, in order of
        arrival."""
        self._unnumbered = _UNNUMBERED
        self._generation = 0
        """The generation when the placements were last counted."""

    def concerns(self, data: bytes) -> bool:
        """Return whether bytes from the host may concern images and must go through `feed`."""
        begun = self._job is not None or self._waiting
        return self._limit > 0 and (bool(begun) or self._splitter.concerns(data))

    @property
    def pending(self) -> Future[Bitmap] | None:
        """Implement `Emulator.pending`."""
        return self._job[1] if self._job else None

    def feed(self, data: bytes) -> None:
        """Process bytes from the host."""
        self._waiting.extend(self._splitter.split(data))
        if self._job:
            command, job = self._job
            self._job = None
            self._finish(command, job.result)
        if self._controls.pending:
            self._controls.write(b"")
        while self._waiting and not self._job and not self._controls.pending:
            part = self._waiting.popleft()
            if isinstance(part, bytes):
                self._controls.write(part)
            elif isinstance(part, GraphicsCommand):
                self._execute(part)
            else:
                self._erase(part)
        if self._enabled:
            self._count()

    def clear(self) -> None:
        """Remove all images, including one that is arriving, and discard the bytes that wait for
        it."""
        self._waiting.clear()
        if self._job:
            self._job[1].cancel()
            self._job = None
        self._splitter.reset()
        self._loader.reset()
        for numbers in self._numbers.values():
            numbers.clear()
        if self._enabled:
            self._enabled = self._splitter.erasures = False
            self._store.limit(0)

    def shown(self) -> list[PlacedImage]:
        """The images in the viewport, the lowest first."""
        return self._store.shown() if self._enabled else []

    def _execute(self, command: GraphicsCommand) -> None:
        if not self._enabled:
            self._enabled = self._splitter.erasures = True
            self._store.limit(self._limit)
        if command.action in _ANIMATION:
            return  # silently: icat does not read replies, but its user's shell would
        if command.action in "tTq":
            arrived = self._loader.add(command)
            if arrived:
                self._load(*arrived)
        elif command.number("U"):
            self._refuse(command, _NO_PLACEHOLDERS)
        else:
            self._store.write(command.encode())

    def _load(self, command: GraphicsCommand, data: bytes) -> None:
        """Decode an image that has arrived; `command` is the one that began it."""
        if command.number("U"):
            self._refuse(command, _NO_PLACEHOLDERS)
            return
        compressed = command.keys.get("f") == PNG or "o" in command.keys
        if self._executor and (compressed or len(data) > MAX_AT_ONCE):
            self._job = command, self._executor.submit(unpack, command, data, self._limit)
        else:
            self._finish(command, lambda: unpack(command, data, self._limit))

    def _finish(self, command: GraphicsCommand, unpacked: Callable[[], Bitmap]) -> None:
        """Pass an image to the library if it can be decoded."""
        try:
            bitmap = unpacked()
        except GraphicsError as error:
            self._refuse(command, str(error))
            return
        except CancelledError:  # the daemon ends
            return
        keys = {key: value for key, value in command.keys.items() if key not in _PACKING}
        if not {"i", "I"} & keys.keys():
            self._unnumbered += 1
            keys |= {"i": str(self._unnumbered), "q": str(_QUIET)}
        self._store.take(GraphicsCommand(keys), bitmap)
        if command.action != "q":
            self._keep(int(keys["i"]) if "i" in keys else self._named())

    def _refuse(self, command: GraphicsCommand, reason: str) -> None:
        """Reply as the protocol specifies, if the host wants replies."""
        names = ",".join(f"{key}={command.keys[key]}" for key in "iIp" if key in command.keys)
        if names and command.number("q") < _QUIET:
            self._events.reply(f"\x1b_G{names};{reason}\x1b\\".encode())

    def _erase(self, erasure: Erasure) -> None:
        """Delete the images in the area that the host is about to erase."""
        if erasure is Erasure.SCREEN:
            self._store.delete("A")
        else:
            for number in self._store.above():
                self._store.delete("I", number)

    # ---- bounds

    def _keep(self, number: int | None) -> None:
        """Record an image; if there are too many, remove the oldest."""
        if number is None:
            return
        numbers = self._numbers[self._store.alternate]
        numbers.pop(number, None)
        numbers[number] = None
        if len(numbers) > MAX_IMAGES:
            oldest = next(iter(numbers))
            del numbers[oldest]
            self._store.delete("I", oldest)

    def _named(self) -> int | None:
        """The number that the library has just assigned to an image that the host only named: the
        lowest free one. None if an earlier image had this number."""
        known = self._numbers[self._store.alternate]
        free = (number for number in range(1, MAX_IMAGES + 2) if number not in known)
        return next((number for number in free if number in self._store), None)

    def _count(self) -> None:
        """Enforce the limit of placements."""
        generation = self._store.generation
        if generation != self._generation:
            self._generation = generation
            if self._store.places() > MAX_PLACEMENTS:
                self.clear()
