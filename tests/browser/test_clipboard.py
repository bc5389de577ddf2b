"""The clipboard, both ways, in Chromium."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from guacr.errors import ForbiddenError
from guacr.session.streams.inputs import InputStream
from guacr.session.user import User
from tests.browser.visit import connected, handler_of, happened, screen, see, sessions
from tests.support.browser import CTRL, SHIFT, Browser, Page
from tests.support.loopback import SketchHandler
from tests.support.site import Site, running_site
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_what_is_copied_on_the_remote_side_can_be_pasted_here(page: Page, site: Site) -> None:
    await connected(page, site)
    sessions(site)[0].context.send_clipboard("text/plain", "héllo 😀".encode())
    await page.until("navigator.clipboard.readText().then(t => t === 'héllo 😀')", "the clipboard")


@pytest.mark.parametrize(
    ("modifiers", "key", "keysym", "command"),
    [
        (CTRL, "v", 0x76, "paste"),
        (CTRL | SHIFT, "V", 0x56, "pasteAndMatchStyle"),
        (SHIFT, "Insert", 0xFF63, "paste"),
    ],
)
async def test_pasting_sends_the_clipboard_before_the_keys(
    page: Page, site: Site, modifiers: int, key: str, keysym: int, command: str
) -> None:
    await connected(page, site)
    await page.run("navigator.clipboard.writeText('from here ü 😀')")
    await page.key(key, modifiers, (command,))
    await happened(site, "key", keysym, False)
    events = handler_of(site).events
    clipboard = ("clipboard", "text/plain", "from here ü 😀".encode())
    assert events.index(clipboard) < events.index(("key", keysym, True))


async def paste(page: Page, text: str) -> None:
    """Copy a text, then Ctrl+Shift+V with all its keys."""
    await page.run(f"navigator.clipboard.writeText({text!r})")
    await page.key_event("keyDown", "Control", CTRL)
    await page.key_event("keyDown", "Shift", CTRL | SHIFT)
    await page.key("V", CTRL | SHIFT, ("pasteAndMatchStyle",))
    await page.key_event("keyUp", "Shift", CTRL)
    await page.key_event("keyUp", "Control")


async def test_a_paste_over_the_limit_does_not_paste_what_was_copied_before(
    page: Page, browser: Browser
) -> None:
    sample = {"protocol": "sqlite", "parameters": {"database": ":sample:"}}
    limits = {"max_clipboard": 262144}
    async with running_site(connections={"sample": sample}, session=limits) as site:
        await browser.allow_clipboard(site.origin)
        await connected(page, site, "connection=sample")
        await see(site, "for help")
        await paste(page, "drop table customers;")
        await see(site, "drop table customers;")
        for _ in "drop table customers;":
            await page.key("Backspace")
        await until(lambda: not any("drop" in row for row in screen(site)), "an empty line")
        await paste(page, "x" * 300_000)
        await page.until("/than the 262144 bytes/.test(document.body.innerText)", "the reason")
        await page.type("select 'after';\n")
        await see(site, "(1 row)")
        assert not any("drop" in row or "xxx" in row for row in screen(site))


async def test_a_long_text_and_none(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.run("navigator.clipboard.writeText('x'.repeat(300000))")
    await page.key("V", CTRL | SHIFT, ("pasteAndMatchStyle",))
    await happened(site, "clipboard", "text/plain", b"x" * 300_000)
    await page.run(
        "navigator.clipboard.write([new ClipboardItem({'text/html': new Blob(['<p></p>'],"
        " {type: 'text/html'})})])"
    )
    await page.key("V", CTRL | SHIFT, ("pasteAndMatchStyle",))
    await happened(site, "clipboard", "text/plain", b"")


async def test_a_clipboard_that_changed_elsewhere_is_offered(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.run("navigator.clipboard.writeText('copied elsewhere')")
    await page.run("dispatchEvent(new Event('focus'))")
    await happened(site, "clipboard", "text/plain", b"copied elsewhere")


async def test_the_clipboard_by_hand(page: Page, site: Site) -> None:
    await connected(page, site)
    sessions(site)[0].context.send_clipboard("text/plain", b"from there")
    await page.click("#bar-toggle")
    await page.click("#action-clipboard")
    await page.until("document.querySelector('#clipboard-text').value === 'from there'", "the text")
    await page.run("document.querySelector('#clipboard-text').value = 'by hand'")
    await page.click("#clipboard-send")
    await happened(site, "clipboard", "text/plain", b"by hand")
    await page.until("document.activeElement.id === 'sink'", "the focus")


async def test_a_clipboard_that_is_too_long_for_the_dialog(page: Page, site: Site) -> None:
    await connected(page, site)
    sessions(site)[0].context.send_clipboard("text/plain", b"x" * 1_000_001)
    await page.until("navigator.clipboard.readText().then(t => t.length === 1000001)", "the text")
    await page.click("#bar-toggle")
    await page.click("#action-clipboard")
    field = "document.querySelector('#clipboard-text')"
    assert await page.run(f"{field}.value") == ""
    assert (await page.run(f"{field}.placeholder")).startswith("1000001 characters")
    await page.click("#clipboard-send")
    await page.click("#bar-toggle")
    await page.click("#action-clipboard")
    await page.run(f"{field}.value = 'by hand'")
    await page.click("#clipboard-send")
    await happened(site, "clipboard", "text/plain", b"by hand")
    assert ("clipboard", "text/plain", b"") not in handler_of(site).events


# ---- HTML and images

TYPES = ("text/plain", "text/html", "image/png")


def png() -> bytes:
    written = BytesIO()
    Image.new("RGB", (40, 30), "navy").save(written, "PNG")
    return written.getvalue()


READ = """navigator.clipboard.read().then(async ([item]) => item.types.includes('{type}')
    && {test}(await (await item.getType('{type}')).{get}()))"""


def reads(mimetype: str, get: str, test: str) -> str:
    """A condition: the browser's clipboard has a type, and its content passes a test."""
    return READ.format(type=mimetype, get=get, test=test)


@pytest.fixture
def accepts_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that accepts every type, and notes it."""

    def paste(handler: SketchHandler, user: User, contents: Mapping[str, bytes]) -> None:
        handler.events.append(("paste", dict(contents)))

    monkeypatch.setattr(SketchHandler, "clipboard_types", TYPES)
    monkeypatch.setattr(SketchHandler, "paste", paste)


async def pasted(site: Site, *types: str) -> dict[str, bytes]:
    """Wait until something with these types has been pasted last."""

    def last() -> dict[str, bytes]:
        found: list[Any] = [event[1] for event in handler_of(site).events if event[0] == "paste"]
        return found[-1] if found else {}

    await until(lambda: tuple(last()) == types, f"a clipboard with {types}")
    return last()


async def write(page: Page, **contents: bytes) -> None:
    """Put something into the browser's clipboard; the names are types with `_` for `/`."""
    blobs = [
        f"'{mimetype}': new Blob([Uint8Array.from(atob('{b64encode(data).decode()}'), "
        f"c => c.charCodeAt(0))], {{type: '{mimetype}'}})"
        for mimetype, data in ((name.replace("_", "/"), data) for name, data in contents.items())
    ]
    await page.run(f"navigator.clipboard.write([new ClipboardItem({{{', '.join(blobs)}}})])")


async def test_html_of_the_remote_side(page: Page, site: Site) -> None:
    await connected(page, site)
    send = sessions(site)[0].context.send_clipboard
    send("text/plain", b"fett", others={"text/html": "<b>fétt</b>".encode()})
    await page.until(reads("text/html", "text", "/<b[^>]*>fétt</.test"), "the HTML")
    assert await page.run("navigator.clipboard.readText()") == "fett"
    assert await page.run("document.querySelector('#clipboard-text').value") == "fett"


async def test_html_without_tls(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.run("navigator.clipboard.writeText('before')")
    await page.run(
        "Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })"
    )
    send = sessions(site)[0].context.send_clipboard
    send("text/plain", b"bold", others={"text/html": b"<b>bold</b>"})
    await page.until("document.querySelector('#clipboard-text').value === 'bold'", "the text")
    await page.click("#bar-toggle")  # a gesture
    await page.run("delete navigator.clipboard")
    await page.until(reads("text/html", "text", "/<b[^>]*>bold</.test"), "the HTML")
    assert await page.run("navigator.clipboard.readText()") == "bold"


async def test_an_image_of_the_remote_side(page: Page, site: Site) -> None:
    await connected(page, site)
    sessions(site)[0].context.send_clipboard("image/png", png())
    size = "(async (image) => (await createImageBitmap(image)).width === 40)"
    await page.until(reads("image/png", "valueOf", f"await {size}"), "the image")
    await page.click("#bar-toggle")
    await page.click("#action-clipboard")
    width = "document.querySelector('#clipboard-image').naturalWidth"
    await page.until(f"{width} === 40", "the image in the dialog")
    await page.click("#clipboard-send")
    assert ("clipboard", "text/plain", b"") not in handler_of(site).events
    sessions(site)[0].context.send_clipboard("text/plain", b"a")
    await page.until("document.querySelector('#clipboard-image').hidden", "no image")


async def test_what_a_browser_refuses_does_not_cost_the_text(page: Page, site: Site) -> None:
    await connected(page, site)
    send = sessions(site)[0].context.send_clipboard
    send("text/plain", b"a text", others={"image/png": b"no image"})
    await page.until("navigator.clipboard.readText().then(t => t === 'a text')", "the text")


@pytest.mark.usefixtures("accepts_all")
async def test_pasting_html_and_images(page: Page, site: Site) -> None:
    await connected(page, site)
    await write(page, text_plain=b"bold", text_html=b"<b>bold</b>", image_png=png())
    await page.key("v", CTRL, ("paste",))
    contents = await pasted(site, *TYPES)
    assert contents["text/plain"] == b"bold"
    assert b"bold</b>" in contents["text/html"]
    with Image.open(BytesIO(contents["image/png"])) as image:
        assert image.size == (40, 30)
    await write(page, image_png=png())
    await page.key("v", CTRL, ("paste",))
    await pasted(site, "image/png")
    await until(lambda: handler_of(site).events[-1][0] == "key", "the keys afterwards")


@pytest.mark.usefixtures("accepts_all")
async def test_html_that_changed_elsewhere_is_offered(page: Page, site: Site) -> None:
    await connected(page, site)
    await write(page, text_plain=b"bold", text_html=b"<b>bold</b>")
    await page.run("dispatchEvent(new Event('focus'))")
    await pasted(site, "text/plain", "text/html")


@pytest.mark.usefixtures("accepts_all")
async def test_an_image_over_the_limit_costs_nothing_else(page: Page, browser: Browser) -> None:
    async with running_site(session={"max_clipboard": 262144}) as site:
        await browser.allow_clipboard(site.origin)
        await connected(page, site)
        written = BytesIO()
        Image.effect_noise((600, 600), 90).save(written, "PNG")
        await write(page, text_plain=b"a", text_html=b"<b>a</b>", image_png=written.getvalue())
        await page.key("v", CTRL, ("paste",))
        await pasted(site, "text/plain", "text/html")
        await write(page, image_png=written.getvalue())
        await page.key("v", CTRL, ("paste",))
        await page.until("/larger than the 262.1 kB/.test(document.body.innerText)", "the reason")
        assert await pasted(site, "text/plain") == {"text/plain": b""}


# ---- files


@pytest.fixture
def takes_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that puts files on its clipboard, and notes them; it refuses one name."""

    def open_stream(handler: SketchHandler, user: User, stream: InputStream) -> None:
        async def store(data: AsyncIterator[bytes]) -> None:
            if stream.name == "bad.txt":
                raise ForbiddenError("bad files are refused")
            content = b"".join([piece async for piece in data])
            handler.events.append(("file", stream.name, content))

        user.transfers.receive(stream, store)

    monkeypatch.setattr(SketchHandler, "pastes_files", True)
    monkeypatch.setattr(SketchHandler, "open_stream", open_stream)


PASTE = """(() => {{ const data = new DataTransfer(), sink = document.querySelector('#sink');
    sink.dispatchEvent(new KeyboardEvent('keydown', {{ key: 'v', ctrlKey: true, bubbles: true }}));
    for (const file of [{files}]) data.items.add(file);
    const event = new ClipboardEvent('paste', {{ clipboardData: data, cancelable: true }});
    sink.dispatchEvent(event) }})()"""
DROP = """(() => {{ const data = new DataTransfer(); data.items.add({file});
    for (const kind of ['dragover', 'drop']) document.querySelector('#screen').dispatchEvent(
        new DragEvent(kind, {{ dataTransfer: data, bubbles: true, cancelable: true }})) }})()"""
V = 0x76


@pytest.mark.usefixtures("takes_files")
async def test_files_are_pasted_once_they_have_arrived(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.run(PASTE.format(files="new File(['one'], '1.txt'), new File(['two'], '2.txt')"))
    await happened(site, "key", V, False)
    events = handler_of(site).events
    for file in (("file", "1.txt", b"one"), ("file", "2.txt", b"two")):
        assert events.index(file) < events.index(("key", V, True))


@pytest.mark.usefixtures("takes_files")
async def test_nothing_is_pasted_instead_of_files_that_were_refused(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.run(PASTE.format(files="new File(['bad'], 'bad.txt'), new File(['two'], '2.txt')"))
    await page.until(
        "/Bad files are refused/.test(document.querySelector('#transfers').textContent)",
        "the reason",
    )
    await happened(site, "file", "2.txt", b"two")
    await page.type("a")
    await happened(site, "key", 0x61, False)
    assert ("key", V, True) not in handler_of(site).events


@pytest.mark.usefixtures("takes_files")
async def test_a_dropped_file_is_on_the_remote_clipboard(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.run(DROP.format(file="new File(['one'], '1.txt')"))
    await page.until(
        "/1.txt is on the remote clipboard/.test(document.querySelector('#toast').textContent)",
        "what to do",
    )
    await happened(site, "file", "1.txt", b"one")
