"""The layouts: guacd's names, well-known facts of Windows' layouts, and the file."""

from __future__ import annotations

import re

import pytest

from handlers.rdp.keyboard import FAILSAFE, layout_named, layout_names
from handlers.rdp.keyboard.layout import Stroke
from handlers.rdp.params import RdpParams
from tests.handlers.rdp.keyboard.receiver import LAYOUTS, layouts

IDENTIFIERS = {
    "cs-cz-qwertz": 0x405, "da-dk-qwerty": 0x406, "de-ch-qwertz": 0x807, "de-de-qwertz": 0x407,
    "en-gb-qwerty": 0x809, "en-us-qwerty": 0x409, "es-es-qwerty": 0x40A, "es-latam-qwerty": 0x80A,
    "failsafe": 0x409, "fr-be-azerty": 0x80C, "fr-ca-qwerty": 0x1009, "fr-ch-qwertz": 0x100C,
    "fr-fr-azerty": 0x40C, "hu-hu-qwertz": 0x40E, "it-it-qwerty": 0x410, "ja-jp-qwerty": 0x411,
    "no-no-qwerty": 0x414, "pl-pl-qwerty": 0x415, "pt-br-qwerty": 0x416, "pt-pt-qwerty": 0x816,
    "ro-ro-qwerty": 0x20418, "sv-se-qwerty": 0x41D, "tr-tr-qwerty": 0x41F,
}  # fmt: skip
"""guacd's layouts. It sends 0x418 for Romanian, but has the keys of 0x20418; and 0x10416 for
Brazilian, which has the same keys as 0x416."""

SHIFT, ALTGR = Stroke(0, shift=True), Stroke(0, altgr=True)

FACTS = (
    ("de-de-qwertz", "@", Stroke(0x10, altgr=True)),
    ("de-de-qwertz", "€", Stroke(0x12, altgr=True)),
    ("de-de-qwertz", "z", Stroke(0x15)),
    ("de-de-qwertz", "ß", Stroke(0x0C)),
    ("de-de-qwertz", "\\", Stroke(0x0C, altgr=True)),
    ("de-ch-qwertz", "@", Stroke(0x03, altgr=True)),
    ("de-ch-qwertz", "è", Stroke(0x1A, shift=True)),
    ("fr-ch-qwertz", "è", Stroke(0x1A)),
    ("fr-fr-azerty", "é", Stroke(0x03)),
    ("fr-fr-azerty", "2", Stroke(0x03, shift=True)),
    ("fr-fr-azerty", "a", Stroke(0x10)),
    ("fr-fr-azerty", "@", Stroke(0x0B, altgr=True)),
    ("fr-be-azerty", "@", Stroke(0x03, altgr=True)),
    ("en-us-qwerty", "@", Stroke(0x03, shift=True)),
    ("en-us-qwerty", "\\", Stroke(0x2B)),
    ("en-gb-qwerty", "@", Stroke(0x28, shift=True)),
    ("en-gb-qwerty", "£", Stroke(0x04, shift=True)),
    ("en-gb-qwerty", "\\", Stroke(0x56)),
    ("es-es-qwerty", "ñ", Stroke(0x27)),
    ("es-es-qwerty", "@", Stroke(0x03, altgr=True)),
    ("es-latam-qwerty", "@", Stroke(0x10, altgr=True)),
    ("it-it-qwerty", "è", Stroke(0x1A)),
    ("it-it-qwerty", "@", Stroke(0x27, altgr=True)),
    ("pt-br-qwerty", "ç", Stroke(0x27)),
    ("pt-br-qwerty", "/", Stroke(0x73)),
    ("pt-pt-qwerty", "ç", Stroke(0x27)),
    ("da-dk-qwerty", "ø", Stroke(0x28)),
    ("no-no-qwerty", "ø", Stroke(0x27)),
    ("sv-se-qwerty", "ö", Stroke(0x27)),
    ("pl-pl-qwerty", "ż", Stroke(0x2C, altgr=True)),
    ("pl-pl-qwerty", "ź", Stroke(0x2D, altgr=True)),
    ("cs-cz-qwertz", "ě", Stroke(0x03)),
    ("hu-hu-qwertz", "ű", Stroke(0x2B)),
    ("hu-hu-qwertz", "0", Stroke(0x29)),
    ("ro-ro-qwerty", "ă", Stroke(0x1E, altgr=True)),
    ("ro-ro-qwertz", "ă", Stroke(0x1A)),
    ("tr-tr-qwerty", "ı", Stroke(0x17)),
    ("tr-tr-qwerty", "i", Stroke(0x28)),
    ("tr-tr-qwerty", "@", Stroke(0x10, altgr=True)),
    ("ja-jp-qwerty", "@", Stroke(0x1A)),
    ("ja-jp-qwerty", "_", Stroke(0x73, shift=True)),
    ("ru-ru-qwerty", "ы", Stroke(0x1F)),
    ("el-gr-qwerty", "σ", Stroke(0x1F)),
    ("he-il-qwerty", "ש", Stroke(0x1E)),
    ("en-us-dvorak", "o", Stroke(0x1F)),
    ("en-us-international-qwerty", "´", Stroke(0x28, altgr=True)),
    ("en-us-international-qwerty", "é", Stroke(0x12, altgr=True)),
)


@pytest.mark.parametrize(("name", "identifier"), IDENTIFIERS.items())
def test_guacds_layouts_are_there(name: str, identifier: int) -> None:
    assert layout_named(name).identifier == identifier
    assert name in layout_names()


@pytest.mark.parametrize(
    ("character", "dead"),
    [
        ("'", Stroke(0x28)), ('"', Stroke(0x28, shift=True)), ("`", Stroke(0x29)),
        ("~", Stroke(0x29, shift=True)), ("^", Stroke(0x07, shift=True)),
    ],
)  # fmt: skip
def test_dead_keys_of_us_international(character: str, dead: Stroke) -> None:
    strokes = layout_named("en-us-international-qwerty").strokes(character, caps=False)
    assert strokes[0] == (dead, Stroke(0x39))


@pytest.mark.parametrize(("name", "character", "stroke"), FACTS)
def test_well_known_keys(name: str, character: str, stroke: Stroke) -> None:
    assert layout_named(name).strokes(character, caps=False)[0] == (stroke,)


@pytest.mark.parametrize(
    ("name", "character", "stroke"),
    [
        ("en-us-qwerty", "A", Stroke(0x1E)),
        ("en-us-qwerty", "a", Stroke(0x1E, shift=True)),
        ("en-us-qwerty", "1", Stroke(0x02)),
        ("de-de-qwertz", "@", Stroke(0x10, altgr=True)),
        ("de-de-qwertz", "1", None),  # is ! on Windows
        ("fr-fr-azerty", "é", None),  # is 2 on Windows, É on X
        ("it-it-qwerty", "è", None),  # is È on X
        ("en-us-international-qwerty", "ø", None),  # is Ø on Windows
    ],
)
def test_strokes_with_caps_lock(name: str, character: str, stroke: Stroke | None) -> None:
    ways = layout_named(name).strokes(character, caps=True)
    assert ways == ([(stroke,)] if stroke else [])


def test_keyboard_types() -> None:
    for name, hardware in (
        ("ja-jp-qwerty", (7, 2)),
        ("ko-kr-qwerty", (8, 3)),
        ("zh-cn-qwerty", (4, 0)),
    ):
        layout = layout_named(name)
        assert (layout.keyboard_type, layout.keyboard_subtype) == hardware


def test_an_unknown_layout_is_an_error() -> None:
    for name in ("", "de", "DE-DE-QWERTZ", '"', "en-us-qwerty,", "id", "\n"):
        with pytest.raises(KeyError):
            layout_named(name)


def test_names_are_unique_and_sorted() -> None:
    names = layout_names()
    assert list(names) == sorted(set(names))
    assert len(names) == len(layouts()) + 1 > 200
    assert all(re.fullmatch("[a-z]{2,3}(-[a-z0-9]+)+", name) for name in names if name != FAILSAFE)


def test_identifiers_are_unique() -> None:
    lines = LAYOUTS.read_text(encoding="utf-8").splitlines()
    assert len({layout["id"] for layout in layouts().values()}) == len(lines)


def test_every_layout_is_sound() -> None:
    for name, data in layouts().items():
        accents = {one[0] for row in data["keys"].values() for one in row if len(one) == 2}
        assert accents == data["dead"].keys(), name
        for row in data["keys"].values():
            assert len(row) <= 8, name
            assert all(len(one) <= 1 or (len(one) == 2 and one[1] == "*") for one in row), name
        layout = layout_named(name)
        assert layout.strokes(" ", caps=False), name
        for one in "0123456789abcdefghijklmnopqrstuvwxyz":
            assert 0 < layout.key(one) < 0x60, (name, one)


def test_forms_suggest_known_layouts() -> None:
    (param,) = [one for one in RdpParams.declared() if one.name == "server-layout"]
    assert param.default in param.spec.suggestions
    for name in param.spec.suggestions:
        assert layout_named(name).name == name
