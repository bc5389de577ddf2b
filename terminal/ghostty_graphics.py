"""The Kitty graphics protocol in front of libghostty: commands in, and bounds of what they do.

The library would unpack what hosts send itself, but whatever its limits are, it puts 400 MB of
chunks together, and inflates to as much. So guacr unpacks the data, and the library has none of
them from a host.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from typing import Any

from terminal.contents import PlacedImage
from terminal.ghostty_controls import GhosttyControls
from terminal.ghostty_events import Events
from terminal.ghostty_images import ImageStore
from terminal.graphics import Erasure, GraphicsCommand, GraphicsSplitter, Part
from terminal.graphics_loading import PNG, Bitmap, GraphicsError, Loader, unpack

MAX_IMAGES = 512
"""Images that each screen keeps, however small; the oldest goes for one more."""

MAX_PLACEMENTS = 1024
"""Places that have images, in view or not; past it all images go."""

MAX_AT_ONCE = 4096
"""Bytes of an image that are unpacked without another thread; compressed ones never are."""

_UNNUMBERED = 1 << 31
"""After it come the numbers of the images that the host has given none."""
_PACKING = frozenset("tfomsvSO")
"""Keys that say how data are packed, which guacr has unpacked."""
_NO_PLACEHOLDERS = "EINVAL: unicode placeholders are not supported"
_ANIMATION = frozenset("fac")
"""Actions that make frames of an image, play them, or paint one over another."""
_QUIET = 2
"""The value of the key q that wants to hear of no errors."""


class GhosttyGraphics:
    """The images of one terminal.

    Args:
        terminal: the library's; nothing but `concerns` may be called once that is freed.
        controls: take what is not about images.
        events: has the listener that gets the answers.
        limit: bytes of images that each of its two screens keeps, of which the oldest go for more;
            0 for no images.
        executor: threads that unpack images, or None.
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
        """The image that is being unpacked."""
        self._waiting: deque[Part] = deque()
        """What comes after it."""
        self._splitter = GraphicsSplitter(2 * limit)
        self._loader = Loader(limit)
        self._enabled = False
        """Whether there may be images."""
        self._numbers: dict[bool, dict[int, None]] = {False: {}, True: {}}
        """Of the images that the primary and the alternate screen may have, as they came."""
        self._unnumbered = _UNNUMBERED
        self._generation = 0
        """Of what was there when it was counted."""

    def concerns(self, data: bytes) -> bool:
        """Whether bytes of the host have to do with images, and have to go through `feed`."""
        begun = self._job is not None or self._waiting
        return self._limit > 0 and (bool(begun) or self._splitter.concerns(data))

    @property
    def pending(self) -> Future[Bitmap] | None:
        """See `Emulator.pending`."""
        return self._job[1] if self._job else None

    def feed(self, data: bytes) -> None:
        """Take bytes of the host."""
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
        """Free all images, also one that is arriving; forget what waits for it."""
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
            return  # without a word: icat reads no answers, and its user's shell would
        if command.action in "tTq":
            arrived = self._loader.add(command)
            if arrived:
                self._load(*arrived)
        elif command.number("U"):
            self._refuse(command, _NO_PLACEHOLDERS)
        else:
            self._store.write(command.encode())

    def _load(self, command: GraphicsCommand, data: bytes) -> None:
        """Unpack an image that has arrived; `command` is the one that began it."""
        if command.number("U"):
            self._refuse(command, _NO_PLACEHOLDERS)
            return
        compressed = command.keys.get("f") == PNG or "o" in command.keys
        if self._executor and (compressed or len(data) > MAX_AT_ONCE):
            self._job = command, self._executor.submit(unpack, command, data, self._limit)
        else:
            self._finish(command, lambda: unpack(command, data, self._limit))

    def _finish(self, command: GraphicsCommand, unpacked: Callable[[], Bitmap]) -> None:
        """Have the library take an image, if it can be unpacked."""
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
        """Answer as the protocol has it, if the host wants to hear it."""
        names = ",".join(f"{key}={command.keys[key]}" for key in "iIp" if key in command.keys)
        if names and command.number("q") < _QUIET:
            self._events.reply(f"\x1b_G{names};{reason}\x1b\\".encode())

    def _erase(self, erasure: Erasure) -> None:
        """Delete the images where the host is about to erase the text."""
        if erasure is Erasure.SCREEN:
            self._store.delete("A")
        else:
            for number in self._store.above():
                self._store.delete("I", number)

    # ---- bounds

    def _keep(self, number: int | None) -> None:
        """Remember an image; if there are too many, the oldest goes."""
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
        """The number that the library has just given to an image for which the host has only a
        name: the lowest that was free. None if an earlier image had that number."""
        known = self._numbers[self._store.alternate]
        free = (number for number in range(1, MAX_IMAGES + 2) if number not in known)
        return next((number for number in free if number in self._store), None)

    def _count(self) -> None:
        """See to it that not too many places have images."""
        generation = self._store.generation
        if generation != self._generation:
            self._generation = generation
            if self._store.places() > MAX_PLACEMENTS:
                self.clear()
