"""Chromium without a window, driven through its DevTools protocol in the test's own event loop."""

from __future__ import annotations

import asyncio
import itertools
import json
import tempfile
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.require import require

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--incognito",  # nothing is written to disks
    "--renderer-process-limit=1",  # a process for each page takes longer than the page
    "--hide-scrollbars",
    "--mute-audio",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--remote-debugging-port=0",
)
START_TIMEOUT = 60.0
WAIT_TIMEOUT = 60.0
POLL = 0.02
ALT, CTRL, SHIFT = 1, 2, 8
"""Bits of CDP's `modifiers`."""
KEYS = {
    "Enter": (13, "\r"),
    "Tab": (9, ""),
    "Escape": (27, ""),
    "Backspace": (8, ""),
    "Insert": (45, ""),
    "Control": (17, ""),
    "Shift": (16, ""),
    "Alt": (18, ""),
    "ArrowRight": (39, ""),
    "ArrowUp": (38, ""),
    "ArrowDown": (40, ""),
    "Home": (36, ""),
    "End": (35, ""),
    "Delete": (46, ""),
    "F2": (113, ""),
}
"""Name → virtual key code and text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The screen of a page."""

    width: int = 1280
    height: int = 800
    scale: float = 1.0
    mobile: bool = False
    dark: bool = False


class Connection:
    """Commands and events of the DevTools protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.pages: dict[str, Page] = {}
        self._reader = asyncio.create_task(self._read(), name="browser events")

    async def call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """A command's result.

        Raises:
            AssertionError: the browser refused it.
        """
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": params}
        await self._socket.send_str(
            json.dumps(message | ({"sessionId": session} if session else {}))
        )
        async with asyncio.timeout(WAIT_TIMEOUT):
            result: dict[str, Any] = await answer
        return result

    async def close(self) -> None:
        """Stop listening."""
        self._reader.cancel()
        with suppress(asyncio.CancelledError):
            await self._reader

    async def _read(self) -> None:
        async for message in self._socket:
            data = json.loads(message.data)
            if "id" in data:
                self._answered(data)
            elif data.get("sessionId") in self.pages:
                self.pages[data["sessionId"]].heard(data["method"], data["params"])

    def _answered(self, data: dict[str, Any]) -> None:
        answer = self._answers.pop(data["id"])
        if answer.done():
            return
        if "error" in data:
            answer.set_exception(AssertionError(f"the browser says: {data['error']['message']}"))
        else:
            answer.set_result(data["result"])


class Page:
    """One tab. `errors` collects what its console complains about."""

    def __init__(self, connection: Connection, session: str, target: str) -> None:
        self._connection = connection
        self._session = session
        self._target = target
        self.errors: list[str] = []
        self.questions: list[str] = []
        """The kinds of the browser's own dialogs; each is answered with yes."""

    def heard(self, method: str, params: dict[str, Any]) -> None:
        """Note an event of this page."""
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Page.javascriptDialogOpening":
            self.questions.append(params["type"])
            self._answering = asyncio.ensure_future(
                self.call("Page.handleJavaScriptDialog", accept=True)
            )
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(params["entry"]["text"])

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """A DevTools command for this page."""
        return await self._connection.call(method, self._session, **params)

    async def run(self, script: str) -> Any:
        """The value of an expression, awaited if it is a promise.

        Raises:
            AssertionError: it threw.
        """
        result = await self.call(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in result:
            raise AssertionError(result["exceptionDetails"]["exception"].get("description", script))
        return result["result"].get("value")

    async def until(self, script: str, what: str, timeout: float = WAIT_TIMEOUT) -> Any:
        """Wait until an expression is true; its value.

        Raises:
            AssertionError: it did not become true in time.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            with suppress(AssertionError):
                value = await self.run(script)
                if value:
                    return value
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"waited in vain: {what}; console: {self.errors}")
            await asyncio.sleep(POLL)

    async def goto(self, url: str) -> None:
        """Open an address and wait until it has loaded."""
        await self.call("Page.navigate", url="about:blank")
        await self.call("Page.navigate", url=url)
        await self.until(
            "location.href !== 'about:blank' && document.readyState === 'complete'",
            f"load of {url}",
        )

    async def until_visible(self, selector: str) -> None:
        """Wait until an element takes up space."""
        await self.until(f"document.querySelector({selector!r})?.offsetParent != null", selector)

    async def text(self, selector: str) -> str:
        """Return the text that an element shows."""
        return str(await self.run(f"document.querySelector({selector!r}).innerText"))

    async def place(self, selector: str) -> tuple[float, float]:
        """The middle of an element in CSS pixels."""
        await self.until_visible(selector)
        x, y = await self.run(
            f"(() => {{ const e = document.querySelector({selector!r}); e.scrollIntoView({{block:"
            "'nearest'}); const b = e.getBoundingClientRect();"
            " return [b.x + b.width / 2, b.y + b.height / 2] })()"
        )
        return x, y

    async def click(self, selector: str) -> None:
        """Click on an element as a mouse does."""
        x, y = await self.place(selector)
        await self.mouse("mouseMoved", x, y)
        await self.mouse("mousePressed", x, y)
        await self.mouse("mouseReleased", x, y)

    async def mouse(self, kind: str, x: float, y: float, button: str = "left") -> None:
        """One mouse event."""
        held = 0 if kind == "mouseReleased" else 1
        moving = kind == "mouseMoved"
        await self.call(
            "Input.dispatchMouseEvent",
            type=kind,
            x=x,
            y=y,
            button="none" if moving else button,
            buttons=0 if moving else held,
            clickCount=0 if moving else 1,
        )

    async def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press at one place, release at another."""
        await self.mouse("mouseMoved", *start)
        await self.mouse("mousePressed", *start)
        for step in range(1, 5):
            x = start[0] + (end[0] - start[0]) * step / 4
            y = start[1] + (end[1] - start[1]) * step / 4
            await self.call(
                "Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, button="left", buttons=1
            )
        await self.mouse("mouseReleased", *end)

    async def key(
        self, key: str, modifiers: int = 0, commands: tuple[str, ...] = (), place: str = ""
    ) -> None:
        """Press and release one key."""
        await self.key_event("keyDown", key, modifiers, commands, place)
        await self.key_event("keyUp", key, modifiers, place=place)

    async def key_event(
        self,
        kind: str,
        key: str,
        modifiers: int = 0,
        commands: tuple[str, ...] = (),
        place: str = "",
    ) -> None:
        """One key event; `commands` are the editing commands that the browser binds to it, `place`
        is the key's `code` where the layout has another character there than a US one."""
        code, text = KEYS.get(key, (ord(key[0].upper()), key))
        if modifiers & CTRL or kind == "keyUp":
            text = ""
        await self.call(
            "Input.dispatchKeyEvent",
            type=kind if text or kind == "keyUp" else "rawKeyDown",
            key=key,
            code=place or (f"Key{key.upper()}" if len(key) == 1 and key.isalpha() else key),
            windowsVirtualKeyCode=code,
            text=text,
            modifiers=modifiers,
            commands=list(commands),
        )

    async def type(self, text: str) -> None:
        """Type characters, one key after the other."""
        for character in text:
            await self.key("Enter" if character == "\n" else character)

    async def resize(self, window: Window) -> None:
        """Give the page another window."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=window.width,
            height=window.height,
            deviceScaleFactor=window.scale,
            mobile=window.mobile,
        )
        await self.call("Emulation.setTouchEmulationEnabled", enabled=window.mobile)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if window.dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def screenshot(self, path: Path | None = None) -> bytes:
        """The page as PNG, saved at `path` if it is given."""
        result = await self.call("Page.captureScreenshot", format="png")
        data = b64decode(result["data"])
        if path is not None:
            await asyncio.to_thread(path.write_bytes, data)
        return data

    async def close(self) -> None:
        """Close the tab."""
        await self._connection.call("Target.closeTarget", targetId=self._target)


class Browser:
    """A running Chromium."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def page(self, window: Window | None = None) -> Page:
        """A new, empty tab."""
        opened = await self._connection.call("Target.createTarget", url="about:blank")
        target = opened["targetId"]
        attached = await self._connection.call(
            "Target.attachToTarget", targetId=target, flatten=True
        )
        page = Page(self._connection, attached["sessionId"], target)
        self._connection.pages[attached["sessionId"]] = page
        for domain in ("Page", "Runtime", "Log"):
            await page.call(f"{domain}.enable")
        await page.call("Emulation.setFocusEmulationEnabled", enabled=True)
        await page.resize(window or Window())
        return page

    async def allow_clipboard(self, origin: str) -> None:
        """Let the pages of `origin` read and write the clipboard without asking."""
        await self._connection.call(
            "Browser.grantPermissions",
            origin=origin,
            permissions=["clipboardReadWrite", "clipboardSanitizedWrite"],
        )


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A Chromium with a profile of its own, ended with the block.

    The headless shell is preferred: it is the same engine with the same DevTools, and needs less
    than half of the processor's time, because it has no windows to keep.
    """
    program = require("chromium-headless-shell", "chromium")
    async with _profile() as profile:
        process = await asyncio.create_subprocess_exec(
            program,
            *FLAGS,
            f"--user-data-dir={profile}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            address = await _address(profile / "DevToolsActivePort")
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(address, max_msg_size=0) as socket,
            ):
                connection = Connection(socket)
                yield Browser(connection)
                with suppress(Exception):
                    await connection.call("Browser.close")
                await connection.close()
        finally:
            await _end(process)


@asynccontextmanager
async def _profile() -> AsyncIterator[Path]:
    """A directory whose many files are removed on a thread."""
    directory = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    try:
        yield Path(directory.name)
    finally:
        await asyncio.to_thread(directory.cleanup)


async def _address(file: Path) -> str:
    async with asyncio.timeout(START_TIMEOUT):
        while True:
            lines = await asyncio.to_thread(_words, file)
            if len(lines) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            await asyncio.sleep(POLL)


def _words(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


async def _end(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(5):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
