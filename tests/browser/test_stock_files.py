"""The files of a host with guacamole-common-js alone, as Apache Guacamole uses it: without guacr's
page and its extension for files."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.browser import Page
from tests.support.openssh import OpenSsh, openssh_server, sshd
from tests.support.require import missing
from tests.support.site import Site, running_site
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SIZE = 1_200_000
"""Bytes, more than twice those that may be unread."""
CLIENT = """
(async () => {
  const { default: Guacamole } = await import("./vendor/guacamole-common.js");
  const client = new Guacamole.Client(new Guacamole.WebSocketTunnel("websocket"));
  const offered = new Promise((resolve) => { client.onfilesystem = resolve; });
  window.sent = [];
  client.onfile = (stream, mimetype, name) => {
    const reader = new Guacamole.BlobReader(stream, mimetype);
    reader.onprogress = () => stream.sendAck("Received", Guacamole.Status.Code.SUCCESS);
    reader.onend = () => window.sent.push([name, reader.getLength()]);
    stream.sendAck("Ready", Guacamole.Status.Code.SUCCESS);
  };
  client.connect("connection=shell&width=800&height=600&dpi=96");
  window.client = client;
  window.Guacamole = Guacamole;
  window.object = await offered;
  return true;
})()
"""
LIST = """
new Promise((resolve) => object.requestInputStream("/", (stream, mimetype) => {
  const reader = new Guacamole.JSONReader(stream);
  stream.sendAck("Ready", Guacamole.Status.Code.SUCCESS);
  reader.onprogress = () => stream.sendAck("Received", Guacamole.Status.Code.SUCCESS);
  reader.onend = () => resolve([mimetype, reader.getJSON()]);
}))
"""
DOWNLOAD = """
new Promise((resolve) => object.requestInputStream("/file", (stream, mimetype) => {
  const reader = new Guacamole.BlobReader(stream, mimetype);
  stream.sendAck("Ready", Guacamole.Status.Code.SUCCESS);
  reader.onprogress = () => stream.sendAck("Received", Guacamole.Status.Code.SUCCESS);
  reader.onend = async () => {
    const bytes = new Uint8Array(await reader.getBlob().arrayBuffer());
    resolve([bytes.length, bytes.every((byte) => byte === 7)]);
  };
}))
"""
UPLOAD = """
new Promise((resolve, reject) => {
  const stream = %s;
  stream.onack = (status) => {  // as in Apache Guacamole's ManagedFileUpload
    if (status.isError()) { reject(new Error(status.message)); return; }
    const writer = new Guacamole.BlobWriter(stream);
    writer.oncomplete = () => { writer.sendEnd(); resolve(true); };
    writer.onerror = (blob, offset, error) => reject(new Error(error.message));
    writer.sendBlob(new Blob([new Uint8Array(%d).fill(9)]));
  };
})
"""
BINARY = "'application/octet-stream'"
INDEX = "application/vnd.glyptodon.guacamole.stream-index+json"


@pytest.fixture(scope="module")
def server() -> Iterator[OpenSsh]:
    if sshd() is None:
        missing("openssh-server is not installed")
    with openssh_server() as running:
        yield running


@pytest.fixture
def root(server: OpenSsh) -> Iterator[Path]:
    """A directory of the host's user, with a file."""
    directory = server.home / "stock"
    directory.mkdir()
    (directory / "file").write_bytes(b"\7" * SIZE)
    shutil.chown(directory, server.user)
    yield directory
    shutil.rmtree(directory)


@pytest_asyncio.fixture(loop_scope="session")
async def site(server: OpenSsh, root: Path) -> AsyncIterator[Site]:
    login = {"username": server.user, "private-key": server.make_key("-t", "ed25519")}
    command = f"printf '\\033]482200;{root}/file\\a\\033]482201;{root}\\a'; exec sleep 1000"
    files = {"enable-sftp": True, "sftp-root-directory": str(root), "command": command}
    shell = {"protocol": "ssh", "title": "Shell", "parameters": server.address | login | files}
    async with running_site(connections={"shell": shell}) as running:
        yield running


async def test_the_stock_client_lists_downloads_and_uploads(
    page: Page, site: Site, root: Path
) -> None:
    await page.goto(site.origin)
    assert await page.run(CLIENT)
    assert await page.run(LIST) == [INDEX, {"/file": "application/octet-stream"}]
    assert await page.run(DOWNLOAD) == [SIZE, True]
    await page.until(f"sent.some(([name, size]) => name === 'file' && size === {SIZE})", "the file")
    assert await page.run(UPLOAD % (f"object.createOutputStream({BINARY}, '/put')", SIZE))
    assert await page.run(UPLOAD % (f"client.createFileStream({BINARY}, 'dropped')", SIZE))
    for name in ("put", "dropped"):
        path = root / name
        await until(lambda path=path: path.stat().st_size == SIZE, name)  # type: ignore[misc]
        assert path.read_bytes() == b"\t" * SIZE
    with pytest.raises(AssertionError, match="is a folder: choose a different name"):
        await page.run(UPLOAD % (f"object.createOutputStream({BINARY}, '/')", SIZE))
    await page.run("client.disconnect()")
