"""Keys as text."""

from guacr.recording.keylog import LINE_AFTER, LINE_MAX, Typed, typed

RETURN, BACKSPACE, CONTROL, ALT, SHIFT, F5 = 0xFF0D, 0xFF08, 0xFFE3, 0xFFE9, 0xFFE1, 0xFFC2


def press(time: int, *keysyms: int) -> list[tuple[int, int, bool]]:
    """Keys that go down in this order, and up in the opposite one."""
    down = [(time, keysym, True) for keysym in keysyms]
    return down + [(time, keysym, False) for keysym in reversed(keysyms)]


def text(*presses: list[tuple[int, int, bool]]) -> list[Typed]:
    return list(typed(key for keys in presses for key in keys))


def test_characters() -> None:
    keys = [press(time, ord(character)) for time, character in enumerate("ls é")]
    assert text(*keys, press(9, SHIFT, ord("A")), press(10, 0x1000416), press(11, 0xFFB7)) == [
        Typed(0, "ls éAЖ7")
    ]


def test_other_keys_by_name() -> None:
    keys = (press(0, BACKSPACE), press(1, F5), press(2, CONTROL, ALT, 0xFFFF), press(3, 0xFE20))
    assert text(*keys, press(4, CONTROL, ord("c"))) == [
        Typed(0, "<Backspace><F5><Ctrl+Alt+Delete><0xFE20><Ctrl+c>")
    ]


def test_lines_end_with_return_and_at_pauses() -> None:
    a, b = ord("a"), ord("b")
    keys = (press(0, a), press(9, RETURN), press(20, b), press(21 + LINE_AFTER, a))
    assert text(*keys) == [
        Typed(0, "a<Return>"),
        Typed(20, "b"),
        Typed(21 + LINE_AFTER, "a"),
    ]


def test_lines_are_not_endless() -> None:
    found = text(*(press(0, ord("x")) for _ in range(LINE_MAX + 1)))
    assert [len(line.text) for line in found] == [LINE_MAX, 1]


def test_a_surrogate_is_no_character() -> None:
    assert text(press(0, 0x100D800), press(1, 0x1000007)) == [Typed(0, "<0x100D800><0x1000007>")]
