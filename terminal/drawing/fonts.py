"""Find font files: the four faces of a family, and fallbacks for what it does not cover.

Fontconfig's `fc-match` runs once per family and process. If it is missing, or finds no font, the
fonts in the given directories (and in the system's usual ones) are used.
"""

from __future__ import annotations

import bisect
import logging
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path

from PIL import ImageFont

from guacr.errors import GuacrError, shorten

DEFAULT_FAMILY = "monospace"

MAX_FAMILIES = 64
"""Families in the cache; users choose them."""

MAX_FAMILY_NAME = 200
MAX_FALLBACKS = 200
MAX_SCANNED_FILES = 2000
FONTCONFIG_TIMEOUT = 20.0
"""Seconds; fontconfig may have to build its cache."""

_SYSTEM_DIRECTORIES = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path("/Library/Fonts"),
    Path("/System/Library/Fonts"),
)
_SUFFIXES = frozenset({".ttf", ".otf", ".ttc", ".woff", ".woff2"})
_FORMAT = (
    "%{file}\t%{index}\t%{color}\t%{family}\t%{weight}\t%{slant}\t%{matrix}\t%{embolden}\t"
    "%{charset}\n"
)
_GENERIC = frozenset({"monospace", "mono", "sans", "sans-serif", "serif", ""})
_BOLD_WEIGHT = 180
_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\-:,="})

_log = logging.getLogger(__name__)
_families: dict[tuple[str, tuple[Path, ...]], FontFamily] = {}
"""The families found last, the oldest first."""


class FontsError(GuacrError):
    """No font is available."""


class Face(IntFlag):
    """The faces of a family; the bits combine."""

    REGULAR = 0
    BOLD = 1
    ITALIC = 2


@dataclass(frozen=True, slots=True)
class Coverage:
    """The code points that a font has."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    """The inclusive end for each start, ascending."""

    @classmethod
    def parse(cls, charset: str) -> Coverage:
        """Parse fontconfig's format: "20-7e a0 100-17f", in hexadecimal digits."""
        ranges = [part.partition("-") for part in charset.split()]
        starts = tuple(int(low, 16) for low, _, _ in ranges)
        return cls(starts, tuple(int(high or low, 16) for low, _, high in ranges))

    def __contains__(self, code: int) -> bool:
        at = bisect.bisect_right(self.starts, code) - 1
        return at >= 0 and code <= self.ends[at]


@dataclass(frozen=True, slots=True)
class FontFile:
    """A face in a file."""

    path: str
    index: int
    family: str
    coverage: Coverage | None
    """None if unknown; the font must be tried."""

    colour: bool = False
    embolden: bool = False
    """True if bold must be synthesized."""

    slant: bool = False
    """True if italics must be synthesized."""

    def may_cover(self, code: int) -> bool:
        """Return whether the font may have a character, as far as is known."""
        return self.coverage is None or code in self.coverage


@dataclass(frozen=True, slots=True)
class FontFamily:
    """The fonts that text of one family is drawn with."""

    name: str
    """The requested name."""
    faces: tuple[tuple[FontFile, ...], ...]
    """By `Face`: the face itself, then the fallbacks in order of preference."""

    def candidates(self, code: int, face: Face, emoji: bool) -> list[FontFile]:
        """The fonts that may have a character, the best first; `emoji` prefers colour fonts."""
        covering = [font for font in self.faces[face] if font.may_cover(code)]
        return sorted(covering, key=lambda font: font.colour != emoji)


def find_family(name: str, directories: tuple[Path, ...] = ()) -> FontFamily:
    """Find the files of a family by any name that fontconfig knows.

    If there is none with that name, another family is used, with a warning. This takes a tenth of
    a second unless `is_found`.

    Args:
        name: the family.
        directories: additional font directories, for what the system's fonts do not cover.

    Raises:
        FontsError: this machine has no font.
    """
    key = (name, directories)
    if key not in _families:
        found = _search(name.strip()[:MAX_FAMILY_NAME], directories)
        if len(_families) >= MAX_FAMILIES:
            _families.pop(next(iter(_families)))
        _families[key] = found
    return _families[key]


def is_found(name: str, directories: tuple[Path, ...] = ()) -> bool:
    """Return whether `find_family` has the answer in its cache."""
    return (name, directories) in _families


def _search(name: str, directories: tuple[Path, ...]) -> FontFamily:
    extra = _scan(directories)
    faces = [_match(name, face) for face in _FACES]
    if not faces[0]:
        extra = extra or _scan(_SYSTEM_DIRECTORIES)
        faces = [_without_fontconfig(name, extra, face) for face in _FACES]
    if not faces[0]:
        raise FontsError(
            "this machine has no font; install fontconfig and a monospace font, "
            "on Debian the packages fontconfig and fonts-dejavu-core"
        )
    found = faces[0][0].family
    if name.casefold() not in _GENERIC and name.casefold() not in found.casefold():
        _log.warning("font family %s was not found, using %s", shorten(name), found)
    return FontFamily(name, tuple((*files, *extra)[:MAX_FALLBACKS] for files in faces))


_FACES = (Face.REGULAR, Face.BOLD, Face.ITALIC, Face.BOLD | Face.ITALIC)


def _match(name: str, face: Face) -> tuple[FontFile, ...]:
    """Fontconfig's list for one face; empty without fontconfig or fonts."""
    families = ",".join(filter(None, (name.translate(_SPECIAL), DEFAULT_FAMILY)))
    bold = ":bold" if face & Face.BOLD else ""
    italic = ":italic" if face & Face.ITALIC else ""
    try:
        answer = subprocess.run(  # noqa: S603 - no shell; a name from a user is one escaped word
            ["fc-match", "--sort", f"--format={_FORMAT}", f"{families}{bold}{italic}"],  # noqa: S607 - wherever it is installed
            capture_output=True,
            check=True,
            timeout=FONTCONFIG_TIMEOUT,
        ).stdout.decode(errors="replace")
    except (OSError, subprocess.SubprocessError) as error:
        _log.debug("fontconfig did not answer: %s", error)
        return ()
    files = (_parse(line, face) for line in answer.splitlines()[:MAX_FALLBACKS])
    return tuple(file for file in files if file is not None)


def _parse(line: str, face: Face) -> FontFile | None:
    fields = line.split("\t")
    if len(fields) != 9 or Path(fields[0]).suffix.lower() not in _SUFFIXES:
        return None
    path, index, colour, family, weight, slant, matrix, embolden, charset = fields
    # besides the fields requested, fontconfig says what it expects the program to synthesize
    bold = weight.isdigit() and int(weight) >= _BOLD_WEIGHT and embolden != "True"
    italic = slant != "0" and not matrix
    coloured = colour == "True"
    return FontFile(
        path=path,
        index=int(index) & 0xFFFF,
        family=family,
        coverage=Coverage.parse(charset),
        colour=coloured,
        embolden=bool(face & Face.BOLD) and not bold and not coloured,
        slant=bool(face & Face.ITALIC) and not italic and not coloured,
    )


def _scan(directories: Iterable[Path]) -> tuple[FontFile, ...]:
    """Every regular face in some directories."""
    found = []
    for directory in directories:
        for count, path in enumerate(sorted(directory.rglob("*"))):
            if count >= MAX_SCANNED_FILES:
                break
            if path.suffix.lower() in _SUFFIXES:
                found += _open(path)
    return tuple(found)


def _open(path: Path) -> list[FontFile]:
    try:
        family, _style = ImageFont.truetype(path, 16).getname()
    except OSError:
        return []
    return [FontFile(path=str(path), index=0, family=family or path.stem, coverage=None)]


def _without_fontconfig(name: str, files: tuple[FontFile, ...], face: Face) -> tuple[FontFile, ...]:
    """The best scanned fonts: by name, then any monospaced font, then any font."""

    def rank(file: FontFile) -> tuple[bool, bool, str]:
        family = file.family.casefold()
        return (name.casefold() not in family, "mono" not in family, file.path)

    ranked = sorted(files, key=rank)[:1]
    return tuple(
        FontFile(
            path=file.path,
            index=file.index,
            family=file.family,
            coverage=None,
            embolden=bool(face & Face.BOLD),
            slant=bool(face & Face.ITALIC),
        )
        for file in ranked
    )
