"""Generates handlers/rdp/keyboard/layouts.jsonl, the keyboard layouts of Windows.

Two packages contain what kbdlayout.info reads from the DLLs of Windows. aardwolf has the characters
of each key with each modifier, and the layout identifiers, but not which characters are dead;
worldalphabets has the tables of the dead keys in the order of the keys, but not all modifiers. A
layout is joined from both if their keys agree. Where only aardwolf has it, accents that may be dead
keys are omitted: they are typed as Unicode characters.

    pip download --no-deps --dest /tmp/layouts aardwolf==0.2.16
    cd /tmp/layouts && unzip -q aardwolf-*.whl && npm pack worldalphabets@0.0.30 && tar xf *.tgz
    python -m tests.handlers.rdp.keyboard.generate /tmp/layouts/aardwolf /tmp/layouts/package

`handlers.rdp.keyboard.layout` describes the format.
"""

from __future__ import annotations

import base64
import json
import locale
import re
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[4] / "handlers" / "rdp" / "keyboard" / "layouts.jsonl"

GUACD_NAMES = {
    "cs-cz-qwertz": 0x405,
    "da-dk-qwerty": 0x406,
    "de-ch-qwertz": 0x807,
    "de-de-qwertz": 0x407,
    "en-gb-qwerty": 0x809,
    "en-us-qwerty": 0x409,
    "es-es-qwerty": 0x40A,
    "es-latam-qwerty": 0x80A,
    "fr-be-azerty": 0x80C,
    "fr-ca-qwerty": 0x1009,
    "fr-ch-qwertz": 0x100C,
    "fr-fr-azerty": 0x40C,
    "hu-hu-qwertz": 0x40E,
    "it-it-qwerty": 0x410,
    "ja-jp-qwerty": 0x411,
    "no-no-qwerty": 0x414,
    "pl-pl-qwerty": 0x415,
    "pt-br-qwerty": 0x416,
    "pt-pt-qwerty": 0x816,
    "ro-ro-qwerty": 0x20418,
    "sv-se-qwerty": 0x41D,
    "tr-tr-qwerty": 0x41F,
}
"""guacd's names of layouts, and the identifiers that it sends for them, with two exceptions. For
Romanian, guacd has the keys of the layout for programmers, and sends the identifier of the legacy
one, which is QWERTZ. For Brazilian, it sends 0x10416, which has the same keys as 0x416, but xrdp
does not know it."""

HARDWARE = {0x411: (7, 2), 0x412: (8, 3)}
"""Keyboard type and subtype: Japanese with 106 keys, Korean with 101 (type A); others 4, 0."""
TABLES = {"KBDJPN": "kbd106"}
"""The DLL that Windows loads for the keyboard type, where it differs from the layout's own."""

DEAD_INSTEAD = {"KBDUSX": {"´": "'", "¨": '"'}}
"""Dead characters of a DLL that worldalphabets takes for others of the same key. On the
US-International layout, the apostrophe and the quotation mark are dead, and what they are with
AltGr is not, as Microsoft describes it for its users ("US-International keyboard layout")."""

SHIFT, CONTROL, ALT, CAPS = 1, 2, 4, 8
STATES = (0, SHIFT, CONTROL | ALT, SHIFT | CONTROL | ALT)
LEVELS = {"base": 0, "shift": SHIFT, "caps": CAPS, "altgr": 6, "shift_altgr": 7}
KEYPAD = {0x37, 0x4A, 0x4E, *range(0x47, 0x54), 0x7E}
KEYPAD_DECIMAL, NUM_LOCK = "83", "64"
CODES_MAX = 0x7F
DIFFERENCES_MAX = 16
MISSING = 1000
"""Characters that may differ between the packages: they were made from different versions."""
LETTERS_AND_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ROWS = ("qwerty", "qwertz", "azerty")


@dataclass
class Source:
    """A layout as aardwolf has it."""

    dll: str
    identifiers: list[int]
    tags: list[str]
    titles: list[str]
    keys: dict[int, dict[int, str]]
    virtual: dict[int, str]
    altgr: bool
    decimal: str


@dataclass
class DeadKeys:
    """The dead keys of a layout, as worldalphabets has them."""

    characters: dict[tuple[int, int], str]
    keys: set[int]
    tables: list[tuple[str, dict[str, str]]]


def main() -> None:
    aardwolf, worldalphabets = map(Path, sys.argv[1:3])
    sources = {one.dll: one for one in read_aardwolf(aardwolf)}
    dead = list(read_worldalphabets(worldalphabets))
    accents = {accent for one in dead for accent, _ in one.tables if may_be_dead(accent)}
    layouts: list[dict[str, Any]] = []
    for source in sources.values():
        found = best(source, dead)
        if source.dll in TABLES:
            if found is None or found.tables:
                raise ValueError(f"{source.dll} has dead keys, and they are not those of its table")
            source.keys = sources[TABLES[source.dll]].keys
            source.virtual = sources[TABLES[source.dll]].virtual
        if found is not None:
            correct(found, DEAD_INSTEAD.get(source.dll, {}))
        keys, tables = join(source, found, accents)
        for at, identifier in enumerate(source.identifiers):
            layouts.append(
                {
                    "names": [],
                    "title": source.titles[min(at, len(source.titles) - 1)],
                    "tag": source.tags[at],
                    "id": identifier,
                    "hardware": HARDWARE.get(identifier, (4, 0)),
                    "altgr": source.altgr,
                    "decimal": source.decimal,
                    "letters": letters(source.virtual),
                    "keys": keys,
                    "dead": tables,
                }
            )
    layouts.sort(key=lambda one: (one["id"] & 0xFFFF, one["id"]))
    name(layouts)
    with TARGET.open("w", encoding="utf-8") as file:
        for layout in sorted(layouts, key=lambda one: one["names"]):
            del layout["tag"], layout["title"]
            file.write(json.dumps(layout, ensure_ascii=False, separators=(",", ":")) + "\n")


def read_aardwolf(package: Path) -> Iterator[Source]:
    for path in sorted((package / "keyboard" / "layouts").glob("layout_[kK]*.py")):
        data = json.loads(base64.b64decode(path.read_text().split('"')[1]))
        if data["ShiftCancelsCapsLock"]:
            raise ValueError(f"{path.name} has a Shift Lock, which the keyboard does not know")
        klids = [re.fullmatch(r"([0-9a-f]{8}) \((.*)\)", one) for one in data["klid"]]
        yield Source(
            dll=path.stem.removeprefix("layout_"),
            identifiers=[int(one[1], 16) for one in klids if one],
            tags=[one[2].lower() for one in klids if one],
            titles=data["name"],
            keys={
                int(code): {int(state): text(value) for state, value in states.items()}
                for code, states in data["sc_to_char"].items()
            },
            virtual={int(code): value for code, value in data["sc_to_vk"].items()},
            altgr=data["RightAltIsAltGr"],
            decimal=data["sc_to_char"].get(KEYPAD_DECIMAL, {}).get(NUM_LOCK, "."),
        )


def text(value: str) -> str:
    """The characters of a value, which is in hexadecimal if they cannot be shown."""
    if re.fullmatch("[0-9A-F]{4,6}( [0-9A-F]{4,6})*", value):
        return "".join(chr(int(one, 16)) for one in value.split())
    return value


def read_worldalphabets(package: Path) -> Iterator[DeadKeys]:
    for path in sorted((package / "data" / "layouts").glob("*.json")):
        data: dict[str, Any] = json.loads(path.read_text())
        if data.get("source") != "kbdlayout.info":
            continue
        keys = [key for key in data["keys"] if key["sc"]]
        yield DeadKeys(
            characters={
                (int(key["sc"], 16), state): key["legends"][level]
                for key in keys
                for level, state in LEVELS.items()
                if key["legends"][level]
            },
            keys={int(key["sc"], 16) for key in keys if key["dead"]},
            tables=[(one["trigger"], one["compose"]) for one in data["dead_keys"] or ()],
        )


def best(source: Source, dead: list[DeadKeys]) -> DeadKeys | None:
    """The dead keys of the same layout, if worldalphabets has it: no character is missing there,
    few differ, and its tables are those of the keys."""
    own = {
        (code, state): character
        for code, states in source.keys.items()
        for state, character in states.items()
        if state in LEVELS.values() and is_typed(code, character)
    }

    def differences(one: DeadKeys) -> int:
        other = {at: value for at, value in one.characters.items() if is_typed(at[0], value)}
        return len(other.items() - own.items()) + MISSING * len(own.keys() - other.keys())

    near = min(dead, key=differences)
    return near if differences(near) <= DIFFERENCES_MAX and mark(source, near) is not None else None


def correct(dead: DeadKeys, instead: dict[str, str]) -> None:
    """Name dead characters as the keys do; each with a space is the character itself."""
    dead.tables = [
        (instead[accent], compose | {" ": instead[accent]})
        if accent in instead
        else (accent, compose)
        for accent, compose in dead.tables
    ]


def is_typed(code: int, character: str) -> bool:
    """Return whether a key outside the keypad types a character that can be shown."""
    return code <= CODES_MAX and code not in KEYPAD and len(character) == 1 and character > " "


def mark(source: Source, dead: DeadKeys) -> set[tuple[int, int]] | None:
    """The keys and states that are dead; None if the tables are not those of the keys."""
    tables = [accent for accent, _ in dead.tables]
    marked = set()
    for code, states in source.keys.items():
        if code in dead.keys:
            for state, character in states.items():
                if tables and tables[0] == character:
                    del tables[0]
                    marked.add((code, state))
    return None if tables else marked


def doubtful(source: Source, dead: DeadKeys, marked: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """The keys and states of which is unknown whether they are dead: the key has a dead character
    twice, but one table for it, or is dead and has no table."""
    found = set()
    for code in dead.keys & source.keys.keys():
        states = source.keys[code]
        accents = {states[state] for state in states if (code, state) in marked}
        for state, character in states.items():
            twice = character in accents and any(
                (code, other) not in marked for other in states if states[other] == character
            )
            if twice or (not accents and may_be_dead(character)):
                found.add((code, state))
    return found


def join(
    source: Source, dead: DeadKeys | None, accents: set[str]
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The keys and the dead keys' tables in the format of the file."""
    marked = (mark(source, dead) if dead else None) or set()
    unknown = doubtful(source, dead, marked) if dead else set()
    omitted = accents if dead is None and source.altgr else set()
    keys = {}
    used = set()
    for code, states in sorted(source.keys.items()):
        if code > CODES_MAX or code in KEYPAD or source.virtual[code] == "VK_TAB":
            continue
        row = []
        for state in (*STATES, *(state | CAPS for state in STATES)):
            character = with_caps(states, state)
            at = state if state in states else state & ~CAPS
            if len(character) != 1 or unicodedata.category(character) == "Cc":
                character = ""
            if (code, at) in unknown or character in omitted:
                character = ""
            elif (code, at) in marked:
                used.add(character)
                character += "*"
            row.append(character)
        if row[4:] == row[:4]:
            del row[4:]
        while row and not row[-1]:
            del row[-1]
        if row:
            keys[f"{code:02x}"] = row
    tables: dict[str, dict[str, str]] = {}
    for accent, compose in dead.tables if dead else ():
        if accent in used:
            tables.setdefault(accent, {}).update(compose)
    return keys, {
        accent: "".join(base + to for base, to in compose.items() if len(base) == len(to) == 1)
        for accent, compose in tables.items()
    }


def with_caps(states: dict[int, str], state: int) -> str:
    """The characters of a key in a state. Caps Lock has an effect only where it is listed."""
    if state & CAPS and not states.keys() & {state, state ^ SHIFT}:
        state &= ~CAPS
    return states.get(state, "")


def may_be_dead(character: str) -> bool:
    return character in "^`~'\"" or unicodedata.category(character) in ("Sk", "Lm")


def letters(virtual: dict[int, str]) -> str:
    """The scan codes of the virtual keys 0 to 9 and A to Z, two hexadecimal digits each."""
    codes = {value: code for code, value in reversed(virtual.items())}
    return "".join(f"{codes.get(f'VK_{one}', 0):02x}" for one in LETTERS_AND_DIGITS)


def name(layouts: list[dict[str, Any]]) -> None:
    """Give every layout a name like guacd's: language, region, variant if needed, first row."""
    taken = set(GUACD_NAMES)
    titles: dict[str, str] = {}
    for layout in layouts:
        identifier, title = layout["id"], layout["title"]
        layout["names"] = [one for one, known in GUACD_NAMES.items() if known == identifier]
        place = region(layout["tag"], identifier)
        row = first_row(layout["letters"])
        first = titles.setdefault(place, title)
        variants = ("" if row else slug(title, first), slug(title, first), slug(title, ""))
        candidates = [joined(place, variant, row) for variant in variants]
        candidates.append(f"{place}-{identifier:08x}")
        if candidates[0] not in layout["names"]:
            layout["names"].append(next(one for one in candidates if one not in taken))
            taken.add(layout["names"][-1])


def joined(*parts: str) -> str:
    return "-".join(filter(None, parts))


def region(tag: str, identifier: int) -> str:
    """The language and, if known, the region of a layout, as in `de-ch`."""
    language, *subtags = tag.split("-")
    known = locale.windows_locale.get(identifier & 0xFFFF, "").partition("_")[2].lower()
    return joined(language, next((one for one in subtags if len(one) == 2), known))


def first_row(codes: str) -> str:
    """The letters from Q to Y of a US keyboard, if they are one of the usual rows."""
    places = dict(zip(re.findall("..", codes), LETTERS_AND_DIGITS.lower(), strict=True))
    row = "".join(places.get(f"{code:02x}", "") for code in range(0x10, 0x16))
    return row if row in ROWS else ""


def slug(title: str, first: str) -> str:
    """The words of a title, without those of the language's first layout."""
    common = {*words(first), *ROWS, "united", "states"}
    return "-".join(one for one in words(title) if one not in common)


def words(title: str) -> list[str]:
    return re.findall("[a-z0-9]+", title.lower())


if __name__ == "__main__":
    main()
