"""The files of a container in the page."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator
from pathlib import Path
from zipfile import ZipFile

import pytest
import pytest_asyncio

from tests.browser.files import NAMES, choose, drop, state, until_names
from tests.browser.visit import CONNECTED
from tests.support.browser import Page
from tests.support.kube_api import KubeApi, kube_api
from tests.support.site import Site, running_site
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "one\ntwo").write_text("1 and 2")
    (tmp_path / "sub" / os.fsdecode(b"\xff")).write_text("latin")
    async with kube_api(KubeApi(directory=str(tmp_path))) as address:
        files = {"exec-command": "sh", "enable-files": True, "files-root-directory": str(tmp_path)}
        pod = {"protocol": "kubernetes", "title": "Pod", "parameters": address | files}
        async with running_site(connections={"pod": pod}) as running:
            yield running


async def test_the_files_of_a_container(page: Page, site: Site, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    await page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(saved))
    await page.goto(f"{site.origin}/#connection=pod")
    await page.until(CONNECTED, "the first picture")
    await page.until("!document.querySelector('#action-files').hidden", "the file system")
    await page.run(drop("new File(['dropped'], 'dropped')"))
    await until((tmp_path / "dropped").exists, "the file that was dropped")
    await page.click("#bar-toggle")
    await page.click("#action-files")
    await page.until(f"{NAMES}.includes('sub')", "the folder")
    await page.click('#files-rows [aria-label="Open sub"]')
    await until_names(page, "one⟨000A⟩two", "⟨EFFF⟩")
    await page.run(choose("new File([new Uint8Array(3_000_000).fill(1)], 'up 🙂')"))
    await page.until(state(page, "up 🙂", "3.0 MB, "), "the upload")
    assert (tmp_path / "sub" / "up 🙂").stat().st_size == 3_000_000
    await page.until(f"{NAMES}.length === 3", "the upload in the list")
    if picture := os.environ.get("GUACR_PICTURE"):
        await page.screenshot(Path(picture))
    await page.click("#files-all")
    await page.click("#files-download")
    await page.until(state(page, "sub.zip", "3.0 MB, "), "the archive")
    await until((saved / "sub.zip").exists, "the file")
    data = await asyncio.to_thread((saved / "sub.zip").read_bytes)
    with ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("one_two") == b"1 and 2"
        assert archive.read("up 🙂") == b"\1" * 3_000_000
    await page.click("#files-delete")
    await page.click("#ask-do")
    await until(lambda: not list((tmp_path / "sub").iterdir()), "the deletion")
    assert page.errors == []
