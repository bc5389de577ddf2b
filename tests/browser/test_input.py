"""Keyboard, mouse, touch and soft keyboard, from Chromium to the handler."""

from __future__ import annotations

from itertools import permutations

import pytest

from guacr.session.input.touch import Contact
from tests.browser.visit import (
    PHONE,
    TYPED_A,
    connected,
    handler_of,
    happened,
    keys_of,
    pointer_is,
    sessions,
)
from tests.support.browser import ALT, CTRL, SHIFT, Browser, Page
from tests.support.loopback import SketchHandler
from tests.support.site import Site
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_keys_arrive(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.type("a")
    await page.key("Enter")
    await happened(site, "key", 0xFF0D, False)
    assert keys_of(site) == [
        (TYPED_A, True),
        (TYPED_A, False),
        (0xFF0D, True),
        (0xFF0D, False),
    ]


async def test_the_browser_keeps_no_key_for_itself(page: Page, site: Site) -> None:
    await connected(page, site)
    for key, keysym in (("Tab", 0xFF09), ("Escape", 0xFF1B), ("Backspace", 0xFF08)):
        await page.key(key)
        await happened(site, "key", keysym, False)
    await page.key("t", CTRL)
    await happened(site, "key", 0x74, True)
    assert await page.run("document.activeElement.id") == "sink"


@pytest.mark.parametrize(
    ("before", "key", "place", "held", "typed"),
    [
        ("", "с", "KeyC", CTRL, "c"),
        ("", "С", "KeyC", CTRL | SHIFT, "C"),
        ("", "ж", "Semicolon", CTRL, ";"),
        ("", "и", "KeyB", ALT, "b"),  # of two Cyrillic layouts, the one that is used
        ("", "и", "KeyF", ALT, "f"),
        ("", "ψ", "KeyC", CTRL, "c"),
        ("", "а", "KeyF", CTRL | ALT, "f"),
        ("ש", "/", "KeyQ", CTRL, "q"),
        ("", "ข", "Minus", CTRL, "-"),
        ("", "۱", "Digit1", CTRL, "۱"),  # nothing shows a layout yet
        ("ی", "۱", "Digit1", CTRL, "1"),
        ("ی", "a", "KeyQ", CTRL, "a"),  # AZERTY
        ("a", "'", "KeyQ", CTRL, "'"),  # Dvorak
        ("a", "é", "Digit2", CTRL, "é"),
        ("", "с", "KeyC", 0, "с"),
        ("", "С", "KeyC", SHIFT, "С"),
    ],
)
async def test_shortcuts_go_by_the_place_of_a_key_without_latin_letter(
    page: Page, site: Site, before: str, key: str, place: str, held: int, typed: str
) -> None:
    await connected(page, site)
    if before:
        await page.key(before)
    await page.key(key, held, place=place)
    keysym = ord(typed) if typed < "\u0100" else 0x01000000 + ord(typed)
    await happened(site, "key", keysym, True)
    await happened(site, "key", keysym, False)
    others = [code for code, _ in keys_of(site) if code not in range(0xFFE1, 0xFFEF)]
    assert len(others) == 2 * len(before + key)


async def test_text_of_an_input_method(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.call("Input.insertText", text="é😀語")
    await happened(site, "key", 0xE9, False)
    await happened(site, "key", 0x01000000 + ord("語"), False)
    pressed = [keysym for keysym, down in keys_of(site) if down]
    assert pressed == [0xE9, 0x01000000 + ord("😀"), 0x01000000 + ord("語")]
    assert await page.run("document.querySelector('#sink').value") == ""


async def test_a_key_with_a_character_of_two_code_units(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.key("\U0001e900", place="KeyA")
    await happened(site, "key", 0x0101E900, False)
    assert keys_of(site) == [(0x0101E900, True), (0x0101E900, False)]


async def insert(page: Page, text: str) -> None:
    await page.call("Input.insertText", text=text)


async def compose(page: Page, text: str) -> None:
    """Text of an input method that the person takes as it is."""
    for end in range(1, len(text) + 1):
        await page.call(
            "Input.imeSetComposition", text=text[:end], selectionStart=end, selectionEnd=end
        )
    await page.call("Input.insertText", text=text)


async def give_up(page: Page, text: str) -> None:
    """A composition that the person cancels."""
    await page.call("Input.imeSetComposition", text=text, selectionStart=1, selectionEnd=1)
    await page.call("Input.imeSetComposition", text="", selectionStart=0, selectionEnd=0)


async def test_text_without_keys_arrives_in_every_order(page: Page, site: Site) -> None:
    await connected(page, site)
    for ways in permutations((insert, compose, give_up, Page.type)):
        expected = ""
        for _ in range(2):
            for way, text in zip(ways, ("ab", "cd", "ef", "gh"), strict=True):
                await way(page, text)
                expected += "" if way is give_up else text
        await page.key("Enter")
        await happened(site, "key", 0xFF0D, False)
        pressed = "".join(chr(keysym) for keysym, down in keys_of(site) if down)  # type: ignore[arg-type]
        assert pressed == expected + chr(0xFF0D), ways
        assert await page.run("document.querySelector('#sink').value") == ""
        handler_of(site).events.clear()


async def test_keys_are_let_go_when_the_page_loses_the_focus(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.key_event("keyDown", "a")
    await happened(site, "key", TYPED_A, True)
    await page.run("document.querySelector('#sink').blur()")
    await happened(site, "key", TYPED_A, False)


async def test_the_pointer_arrives_where_it_is(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.mouse("mouseMoved", 100, 200)
    await page.mouse("mousePressed", 100, 200)
    await happened(site, "mouse", 100, 200, 1)
    await page.mouse("mouseReleased", 100, 200)
    await pointer_is(site, 100, 200, 0)


async def wheel(page: Page, x: float, y: float, modifiers: int = 0) -> None:
    await page.call(
        "Input.dispatchMouseEvent",
        type="mouseWheel",
        x=100,
        y=200,
        deltaX=x,
        deltaY=y,
        modifiers=modifiers,
    )


async def test_the_buttons_of_a_large_mouse(
    page: Page, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SketchHandler, "pointer_buttons", 0x1FF)
    await connected(page, site)
    where = await page.run("location.href")

    async def press(button: str, mask: int) -> None:
        await page.mouse("mousePressed", 100, 200, button)
        await happened(site, "mouse", 100, 200, mask)
        await page.mouse("mouseReleased", 100, 200, button)

    def pressed() -> list[object]:
        return [event[3] for event in handler_of(site).events if event[0] == "mouse" and event[3]]

    await page.mouse("mouseMoved", 100, 200)
    await press("left", 1)
    await press("back", 128)
    await press("forward", 256)
    for x, y in ((60, 0), (40, 0), (-100, 10), (10, 60), (0, -60)):
        await wheel(page, x, y)
    await wheel(page, 0, 60, SHIFT)
    await until(lambda: pressed() == [1, 128, 256, 64, 32, 16, 8, 16], "all buttons")
    assert await page.run("location.href") == where
    await page.mouse("mousePressed", 100, 200, "forward")
    await page.run("dispatchEvent(new Event('blur'))")
    await until(lambda: handler_of(site).events[-1] == ("mouse", 100, 200, 0), "the release")
    await page.mouse("mouseReleased", 100, 200, "forward")


async def test_a_key_is_held_while_the_pointer_drags(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.key_event("keyDown", "Control", CTRL)
    await page.drag((100, 200), (140, 200))
    await page.key("a", CTRL)
    await page.key_event("keyUp", "Control")
    await happened(site, "key", 0xFFE3, False)
    kinds = [event[0] for event in handler_of(site).events if event[0] in ("key", "mouse")]
    assert kinds[0] == "key"
    assert set(kinds[1:-3]) == {"mouse"}
    assert keys_of(site) == [(0xFFE3, True), (TYPED_A, True), (TYPED_A, False), (0xFFE3, False)]


async def test_typing_into_the_pages_own_fields_stays_there(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.click("#bar-toggle")
    await page.click("#action-clipboard")
    await page.until("document.activeElement.id === 'clipboard-text'", "the focus")
    await page.type("mine")
    await page.until("document.querySelector('#clipboard-text').value.endsWith('mine')", "the text")
    await page.key("Escape")
    await page.until("!document.querySelector('#clipboard-dialog').open", "the end of the dialog")
    assert keys_of(site) == []


async def test_the_controls_open_by_keys(page: Page, site: Site) -> None:
    await connected(page, site)
    held = 0
    for key, bit in (("Control", CTRL), ("Alt", 1), ("Shift", SHIFT)):
        held |= bit
        await page.key_event("keyDown", key, held)
    await page.until_visible("#bar-items")
    assert await page.run("document.activeElement.closest('#bar-items') !== null")
    await page.key("Escape")
    await page.until("document.querySelector('#bar-items').hidden", "the end of the controls")
    down = {keysym for keysym, pressed in keys_of(site) if pressed}
    up = {keysym for keysym, pressed in keys_of(site) if not pressed}
    assert down <= up


async def test_a_phone_types_with_its_soft_keyboard(browser: Browser, site: Site) -> None:
    page = await browser.page(PHONE)
    await connected(page, site)
    assert sessions(site)[0].context.size == (1170, 2532)
    assert await page.run("document.querySelector('#sink').inputMode") == "none"
    await page.click("#bar-toggle")
    await page.click("#action-keyboard")
    await page.until_visible("#keys")
    assert await page.run("document.querySelector('#sink').inputMode") == "text"
    await page.click("#keys [data-keysym='65507']")
    await page.until("document.activeElement.id === 'sink'", "the focus")
    await page.call("Input.insertText", text="c")
    await happened(site, "key", 0xFFE3, False)
    assert keys_of(site) == [(0xFFE3, True), (0x63, True), (0x63, False), (0xFFE3, False)]
    await page.click("#keys [data-keysym='65307']")
    await happened(site, "key", 0xFF1B, False)
    await page.close()


async def test_a_finger_is_a_pointer(browser: Browser, site: Site) -> None:
    page = await browser.page(PHONE)
    await connected(page, site)
    await page.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": 90, "y": 60}])
    await page.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    await happened(site, "mouse", 270, 180, 1)
    await page.close()


async def test_fingers_are_sent_as_they_are_once_they_are_accepted(
    browser: Browser, site: Site
) -> None:
    page = await browser.page(PHONE)
    await connected(page, site)
    handler = handler_of(site)
    (user,) = handler.session.users
    handler.session.display.accept_touches(10)
    handler.session.changed()
    await until(lambda: not handler.session.display.changed, "a frame")
    await until(lambda: not user.pacing.in_flight, "its acknowledgement")

    async def touch(kind: str, *points: tuple[int, int, int]) -> None:
        dots = [
            {"x": x, "y": y, "id": finger, "radiusX": 4, "radiusY": 4} for finger, x, y in points
        ]
        await page.call("Input.dispatchTouchEvent", type=kind, touchPoints=dots)

    def contacts() -> list[tuple[int, int, bool]]:
        found = [event[1] for event in handler.events if event[0] == "touch"]
        return [(one.x, one.y, one.lifted) for one in found if isinstance(one, Contact)]

    await touch("touchStart", (0, 90, 60))
    await touch("touchStart", (0, 90, 60), (1, 120, 200))
    await touch("touchMove", (0, 100, 70), (1, 120, 200))
    await until(lambda: contacts()[-1][:2] == (300, 210), "the first finger's move")
    await touch("touchCancel")
    await until(lambda: sum(lifted for *_, lifted in contacts()) == 2, "the end of both")
    assert (360, 600, False) in contacts()
    mice = [event for event in handler.events if event[0] == "mouse" and event[3]]
    assert not mice, "the pointer's buttons are not used"
    await page.close()
