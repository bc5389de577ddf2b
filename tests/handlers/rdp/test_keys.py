"""What users type arrives on a real desktop, in the layout of the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.errors import BadRequestError
from guacr.testing.client import GuacClient, keysym
from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.messages import Locks, PauseKey, Scancode, UnicodeKey
from handlers.rdp.key_sender import KeySender, layout_of, locks_of
from tests.handlers.rdp.sessions import connected, each_engine, shows
from tests.support.waiting import until
from tests.support.xrdp import Xrdp

RETURN, CONTROL = 0xFF0D, 0xFFE3


async def enter(typed: Path, client: GuacClient) -> None:
    """Move the pointer into the terminal once it reads and is seen: keys go to the window below."""
    await until(typed.exists, "the terminal")
    await until(lambda: bool((client.canvas.flatten()[150, 200] == 255).all()), "its window")
    client.mouse(100, 100)


@each_engine
@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ("en-us-qwerty", "Hello, World! 0123 ~`@#$%^&*()_+-=[]{}|\\:;\"'<>?/ yz"),
        ("de-de-qwertz", "Grüße: zyZY äöüÄÖÜß @ € {[]}\\ ~ | <> '#+*"),
        ("fr-fr-azerty", "l'été: azAZqwQWm, ç à è 0123 @ € {[]}\\ | <> ^ â î"),
        ("de-de-qwertz", "é è ê É È Ê"),
        ("es-es-qwerty", "España: áéíóú ÁÉÍÓÚ ü à ê ñÑ ¿¡"),
        ("pt-br-qwerty", "João: ãõñ áé âêô ü ç"),
        ("it-it-qwerty", "perché: àèìòù é ç ° §"),
        ("sv-se-qwerty", "åäö é è ê ü ñ"),
    ],
)
async def test_text(layout: str, text: str, daemon: Daemon, xrdp: Xrdp, tmp_path: Path) -> None:
    typed = tmp_path / "typed"
    async with connected(daemon, xrdp.parameters(), server_layout=layout) as client:
        display = await xrdp.display()
        command = f"stty -icanon -echo; touch {typed}; exec cat >{typed}"
        display.start("xterm", "-u8", "-geometry", "80x24+0+0", "-e", "sh", "-c", command)
        await enter(typed, client)
        for character in text:
            client.key(keysym(character))
        client.key(RETURN)
        await until(lambda: typed.read_text().endswith("\n"), "the text")
        assert typed.read_text() == f"{text}\n"


@each_engine
async def test_nothing_stays_pressed_when_a_user_leaves(
    daemon: Daemon, xrdp: Xrdp, tmp_path: Path
) -> None:
    typed = tmp_path / "typed"
    command = f"stty -icanon -echo; touch {typed}; exec cat >{typed}"
    async with connected(daemon, xrdp.parameters()) as client:
        display = await xrdp.display()
        display.start("xterm", "-geometry", "80x24+0+0", "-e", "sh", "-c", command)
        await enter(typed, client)
        client.key(CONTROL, True)
        client.key(keysym("x"))
        await until(lambda: typed.read_bytes() == b"\x18", "the key")
    async with connected(daemon, xrdp.parameters()) as client:
        client.mouse(101, 100)
        await shows(client, display)
        client.key(keysym("x"))
        await until(lambda: typed.read_bytes() == b"\x18x", "the key without the other")


async def test_modifiers_that_are_held_while_guacr_connects_anew_stay_pressed(
    daemon: Daemon, xrdp: Xrdp, tmp_path: Path
) -> None:
    typed = tmp_path / "typed"
    command = f"stty -icanon -echo -isig; touch {typed}; exec cat >{typed}"
    async with connected(daemon, xrdp.parameters(), resize_method="reconnect") as client:
        display = await xrdp.display()
        click = "XTerm*translations: #override Ctrl<Btn1Down>: string(click)"
        display.start("xterm", "-xrm", click, "-geometry", "80x24+0+0", "-e", "sh", "-c", command)
        await enter(typed, client)
        client.key(CONTROL, True)
        client.size(900, 500)
        await until(lambda: display.picture().shape == (500, 900, 3), "another size", timeout=20)
        await shows(client, display)
        client.mouse(100, 100, 1)
        client.mouse(100, 100)
        client.key(keysym("x"))
        await until(lambda: typed.read_bytes() == b"click\x18", "a click and a key with Ctrl")


@each_engine
async def test_what_is_held_is_released_before_guacr_connects_anew(
    daemon: Daemon, xrdp: Xrdp, tmp_path: Path
) -> None:
    """Otherwise the host repeats the key."""
    seen = tmp_path / "seen"
    async with connected(daemon, xrdp.parameters(), resize_method="reconnect") as client:
        display = await xrdp.display()
        display.run("xset", "r", "off")
        with seen.open("wb") as output:
            display.start(
                "stdbuf", "-oL", "xev", "-geometry", "400x300+0+0", stdout=output.fileno()
            )
        await until(lambda: b"Expose" in seen.read_bytes(), "the window")
        client.mouse(100, 120)
        await until(lambda: b"root:(100,120)" in seen.read_bytes(), "the pointer")
        client.key(keysym("x"), True)
        client.mouse(100, 120, 1)
        await until(lambda: b"ButtonPress" in seen.read_bytes(), "the button")
        client.size(900, 500)
        await until(lambda: b"KeyRelease" in seen.read_bytes(), "the key's release")
        await until(lambda: b"ButtonRelease" in seen.read_bytes(), "the button's release")


def test_messages() -> None:
    sent: list[Message] = []
    sender = KeySender(sent.append)
    sender.scancode(0x1D, extended=True, pressed=True)
    sender.unicode(0x20AC, pressed=False)
    sender.locks(scroll=True, num=False, caps=True, kana=False)
    sender.pause()
    assert sent == [Scancode(0x1D, True, True), UnicodeKey(0x20AC, False), Locks(5), PauseKey()]
    assert locks_of(5) == (True, False, True, False)


def test_a_layout_is_found_in_any_case() -> None:
    assert layout_of(" DE-DE-QWERTZ\n").name == "de-de-qwertz"


@pytest.mark.parametrize(
    ("name", "hint"), [("DE-AT", "use de-ch-qwertz"), ("german", "use en-us-qwerty, de-de-qwertz")]
)
def test_an_unknown_layout(name: str, hint: str) -> None:
    with pytest.raises(BadRequestError, match=hint):
        layout_of(name)


@each_engine
async def test_characters_that_the_layout_lacks_are_noted_once(
    daemon: Daemon, xrdp: Xrdp, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the characters, which may be those of a password."""
    caplog.set_level("INFO")

    def notes() -> list[str]:
        return [text for text in caplog.messages if "check server-layout" in text]

    async with connected(daemon, xrdp.parameters()) as client:
        display = await xrdp.display()
        await shows(client, display)
        for character in "aß語":
            client.key(keysym(character))
        await until(lambda: bool(notes()), "the note")
    (note,) = notes()
    assert "the layout en-us-qwerty lacks" in note
    assert not set("ß語") & set(note)


def test_only_the_first_unicode_character_is_noted() -> None:
    noted: list[bool] = []
    sender = KeySender(lambda _: None, lambda: noted.append(True))
    sender.scancode(1, extended=False, pressed=True)
    assert noted == []
    sender.unicode(0xDF, pressed=True)
    sender.unicode(0xDF, pressed=False)
    assert noted == [True]
