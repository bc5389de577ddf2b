"""Dead keys: of the server's layout, and of the user's keyboard."""

from __future__ import annotations

import pytest

from tests.handlers.rdp.keyboard.receiver import ALTGR, CONTROL_L, SHIFT_L, Desk, keysym

GRAVE, ACUTE, CIRCUMFLEX, TILDE, DIAERESIS, CARON = 0xFE50, 0xFE51, 0xFE52, 0xFE53, 0xFE57, 0xFE5A
BACKSPACE, ESCAPE, LEFT = 0xFF08, 0xFF1B, 0xFF51

WORDS = {
    "de-de-qwertz": "àéîÔÚ^`´",
    "fr-fr-azerty": "âêîôûäëïöüÿÄÊãñõ^¨~`",
    "es-latam-qwerty": "áéíóúÁÉÍÓÚäëïöüâêîôûàèìòù´¨^`",
    "es-es-qwerty": "áéíóúüàâãõÑñ´¨`^~",
    "pt-br-qwerty": "áàâãçéêíóôõúüÁÀÂÃÇÉÊÍÓÔÕÚÜ´`~^¨",
    "pt-pt-qwerty": "áàâãéêíóôõúÁÀÂÃÉÊÍÓÔÕÚ´`~^¨",
    "it-it-qwerty": "àèéìòù€",
    "de-ch-qwertz": "äöüéèàâêîôûãñõÄÖÜÉÈÀÂÊÎÔÛ^`~´¨",
    "fr-ch-qwertz": "éèàüöäâêîôûëïÿÉÈÀÂÊÎÔÛËÏ^`~´",
    "fr-be-azerty": "âêîôûäëïöüáéíóú´`^¨~",
    "fr-ca-qwerty": "éèàùâêîôûëïüçÉÈÀÙÂÊÎÔÛËÏÜÇ^`¨¸´",
    "cs-cz-qwertz": "ěščřžýáíéůúďťňóĎŤŇÓÁÉÍŘŠČŽäöüß",
    "hu-hu-qwertz": "áéíóöőúüűÁÉÍÓÖŐÚÜŰčšž",
    "da-dk-qwerty": "æøåéüñêöÆØÅÉ´`^¨~",
    "no-no-qwerty": "æøåéèêöüÆØÅ´`^¨~",
    "sv-se-qwerty": "åäöéèüñÅÄÖÉ´`^¨~",
    "tr-tr-qwerty": "ğüşıöçâîûÂÎÛéèáñ",
    "pl-pl-qwerty": "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ",
    "el-gr-qwerty": "άέήίόύώϊϋΐΰΆΈΉΊΌΎΏ",
    "en-us-international-qwerty": "áéíóúäëïöüâêîôûãñõàèìòùçÁÉÍÓÚÄËÏÖÜÂÊÎÔÛÃÑÕÀÈÌÒÙÇ'\"`^~´¨",
}


@pytest.mark.parametrize("held", [(), (SHIFT_L,), (ALTGR,)])
def test_accents_are_typed_with_keys(held: tuple[int, ...]) -> None:
    for name, text in WORDS.items():
        desk = Desk(name)
        desk.press(*held)
        assert desk.type(text) == text, name
        assert desk.receiver.unicode_units == 0, name
        assert desk.receiver.dead == "", name


def test_a_dead_key_and_its_letter_are_two_strokes() -> None:
    desk = Desk("de-de-qwertz")
    codes = []
    scancode = desk.receiver.scancode

    def note(code: int, *, extended: bool, pressed: bool) -> None:
        codes.append((code, pressed))
        scancode(code, extended=extended, pressed=pressed)

    desk.receiver.scancode = note  # type: ignore[method-assign]
    desk.stroke(keysym("é"))
    assert codes == [(0x0D, True), (0x0D, False), (0x12, True), (0x12, False)]
    codes.clear()
    desk.stroke(keysym("`"))
    shift, dead, space = (
        [(0x2A, True)],
        [(0x0D, True), (0x0D, False)],
        [(0x39, True), (0x39, False)],
    )
    assert codes == [*shift, *dead, (0x2A, False), *space]


@pytest.mark.parametrize(
    ("name", "dead", "letter", "text"),
    [
        ("de-de-qwertz", ACUTE, "e", "é"),
        ("de-de-qwertz", CIRCUMFLEX, "O", "Ô"),
        ("de-de-qwertz", CIRCUMFLEX, " ", "^"),
        ("de-de-qwertz", TILDE, "n", "ñ"),  # is not on this layout
        ("en-us-qwerty", ACUTE, "e", "é"),
        ("en-us-qwerty", CARON, "c", "č"),
        ("en-us-qwerty", GRAVE, " ", "`"),
        ("en-us-qwerty", ACUTE, "x", "´x"),
        ("fr-fr-azerty", CIRCUMFLEX, "e", "ê"),
        ("fr-fr-azerty", CIRCUMFLEX, "x", "^x"),
        ("es-latam-qwerty", DIAERESIS, "u", "ü"),
        ("pt-br-qwerty", TILDE, "a", "ã"),
        ("it-it-qwerty", CIRCUMFLEX, "a", "â"),
        ("de-ch-qwertz", GRAVE, "E", "È"),
        ("failsafe", DIAERESIS, "y", "ÿ"),
    ],
)
def test_a_users_dead_key_waits_for_a_letter(name: str, dead: int, letter: str, text: str) -> None:
    desk = Desk(name)
    desk.stroke(dead)
    assert desk.receiver.text == ""
    shift = letter.isupper()
    desk.press(*[SHIFT_L] * shift)
    desk.stroke(keysym(letter))
    desk.release(*[SHIFT_L] * shift)
    assert desk.receiver.text == text
    assert desk.receiver.down == set()
    assert desk.type("a") == "a"


def test_two_dead_keys() -> None:
    desk = Desk("de-de-qwertz")
    desk.stroke(ACUTE)
    desk.stroke(ACUTE)
    assert desk.receiver.text == "´"
    desk.stroke(GRAVE)
    desk.stroke(CIRCUMFLEX)
    assert desk.receiver.text == "´`"
    assert desk.type("a") == "â"


def test_backspace_deletes_a_waiting_dead_key() -> None:
    desk = Desk("de-de-qwertz")
    desk.stroke(ACUTE)
    desk.stroke(BACKSPACE)
    assert desk.receiver.commands == []
    assert desk.type("e") == "e"
    desk.stroke(BACKSPACE)
    assert desk.receiver.commands == [("", 0x0E)]


@pytest.mark.parametrize("key", [ESCAPE, LEFT])
def test_other_keys_end_a_waiting_dead_key(key: int) -> None:
    desk = Desk("de-de-qwertz")
    desk.stroke(ACUTE)
    desk.stroke(key)
    assert len(desk.receiver.commands) == 1
    assert desk.type("e") == "e"


def test_a_dead_key_in_a_shortcut_is_the_key_with_its_accent() -> None:
    desk = Desk("de-de-qwertz")
    desk.stroke(CONTROL_L, CIRCUMFLEX)
    desk.stroke(CONTROL_L, keysym("^"))
    assert desk.receiver.commands == [("C", 0x29), ("C", 0x29)]
    assert desk.type("e") == "e"


def test_releasing_everything_forgets_a_dead_key() -> None:
    desk = Desk("de-de-qwertz")
    desk.press(ACUTE)
    desk.keyboard.release_all()
    assert desk.type("e") == "e"
