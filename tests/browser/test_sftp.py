"""The files of a host in the page: a real OpenSSH, a real browser."""

from __future__ import annotations

import asyncio
import io
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import pytest_asyncio

from tests.browser.files import NAMES, choose, lose, resume, state, until_names
from tests.browser.visit import CONNECTED
from tests.support.browser import Page
from tests.support.openssh import OpenSsh, openssh_server, sshd
from tests.support.require import missing
from tests.support.site import Site, running_site
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

STATUS = "document.querySelector('#files-status').textContent"


@pytest.fixture(scope="module")
def server() -> Iterator[OpenSsh]:
    if sshd() is None:
        missing("openssh-server is not installed")
    with openssh_server() as running:
        yield running


@pytest.fixture
def root(server: OpenSsh) -> Iterator[Path]:
    """A directory of the host's user, with another one in it."""
    directory = server.home / "page"
    (directory / "sub").mkdir(parents=True)
    yield directory
    shutil.rmtree(directory)


def give(server: OpenSsh, directory: Path) -> None:
    """Have the host's user own everything in a directory."""
    for path in (directory, *directory.rglob("*")):
        shutil.chown(path, server.user)


@pytest_asyncio.fixture(loop_scope="session")
async def site(server: OpenSsh, root: Path) -> AsyncIterator[Site]:
    login = {"username": server.user, "private-key": server.make_key("-t", "ed25519")}
    files = {"enable-sftp": True, "sftp-root-directory": str(root)}
    shell = {"protocol": "ssh", "title": "Shell", "parameters": server.address | login | files}
    async with running_site(connections={"shell": shell}) as running:
        yield running


async def files(page: Page, site: Site) -> None:
    """Open the files of the host."""
    await page.goto(f"{site.origin}/#connection=shell")
    await page.until(CONNECTED, "the first picture")
    await page.until("!document.querySelector('#action-files').hidden", "the file system")
    await page.click("#bar-toggle")
    await page.click("#action-files")
    await until_names(page, "sub")


async def test_the_files_of_a_host(
    page: Page, site: Site, server: OpenSsh, root: Path, tmp_path: Path
) -> None:
    await page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    sub = root / "sub"
    names = ["\u202egpj.exe", "a\nb", "🙂 ü", "<b>", "..\\evil"]
    for name in names:
        (sub / name).write_text(name)
    (sub / "note.txt").write_text("<script>")
    raw = bytes(sub) + b"/\xff\xfe"
    await asyncio.to_thread(Path(raw.decode(errors="surrogateescape")).write_text, "latin")
    give(server, root)
    await files(page, site)
    await page.click('#files-rows [aria-label="Open sub"]')
    await page.until(f"{NAMES}.length === 7", "the names")
    assert {"⟨202E⟩gpj.exe", "⟨EFFF⟩⟨EFFE⟩", "a⟨000A⟩b", "<b>"} <= set(await page.run(NAMES))
    await page.click('#files-rows [aria-label="Preview note.txt"]')
    await page.until("document.querySelector('#preview-text').textContent === '<script>'", "text")
    await page.click("#preview-dialog [data-close]")
    await page.run(choose("new File([new Uint8Array(3_000_000).fill(1)], 'up 🙂')"))
    await page.until(state(page, "up 🙂", "3.0 MB, "), "the upload")
    assert (sub / "up 🙂").read_bytes() == b"\1" * 3_000_000
    await page.until(f"{NAMES}.length === 8", "the upload in the list")
    await page.click("#files-all")
    await page.click("#files-download")
    await page.until(state(page, "sub.zip", "3.0 MB, "), "the archive")
    await until((tmp_path / "sub.zip").exists, "the file")
    data = await asyncio.to_thread((tmp_path / "sub.zip").read_bytes)
    with ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("🙂 ü").decode() == "🙂 ü"
        assert len(archive.namelist()) == 8
    await page.click("#files-delete")
    await page.click("#ask-do")
    await page.until(f"{STATUS} === 'This folder is empty.'", "the deletion")
    assert list(sub.iterdir()) == []
    assert page.errors == []


async def test_an_upload_to_a_host_is_resumed(
    page: Page, site: Site, server: OpenSsh, root: Path
) -> None:
    give(server, root)
    size = 40_000_000
    await files(page, site)
    numbers = (
        f"(() => {{ const a = new Uint32Array({size // 4});"
        " for (let i = 0; i < a.length; i++) a[i] = i; return a })()"
    )
    await page.run(choose(f"new File([{numbers}], 'a.bin')"))
    file = root / "a.bin"
    await until(lambda: file.exists() and file.stat().st_size > 8_000_000, "a part of the file")
    await lose(page, site)
    await page.until("!document.querySelector('#action-files').hidden", "the file system")
    arrived = file.stat().st_size
    assert arrived < size
    await resume(page, "a.bin")
    await page.until(state(page, "a.bin", "40.0 MB, "), "the end of the upload", 100)
    expected = np.arange(size // 4, dtype="<u4").tobytes()
    assert await asyncio.to_thread(file.read_bytes) == expected
