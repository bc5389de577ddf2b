"""A real nginx with TLS before the page, with the configuration that docs/web.md has."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.certificates import Authority
from tests.support.require import require
from tests.support.waiting import free_port, until

DOCUMENT = Path(__file__).parents[2] / "docs" / "web.md"
MAIN = """
daemon off;
pid {directory}/pid;
error_log {directory}/error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
{documented}
}}
"""


def documented() -> str:
    """The configuration in the document, the only one."""
    (found,) = re.findall(r"```nginx\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return str(found)


@asynccontextmanager
async def nginx(backend: str) -> AsyncIterator[tuple[str, ssl.SSLContext]]:
    """The page's origin behind nginx on a port of its own, and who to trust there."""
    program = require("nginx")
    directory = Path(tempfile.mkdtemp(prefix="guacr-nginx-"))
    authority, port = Authority(), free_port()
    pair = authority.issue("server")
    (directory / "cert.pem").write_text(pair.certificate)
    (directory / "key.pem").write_text(pair.key)
    text = documented()
    for before, after in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("http://127.0.0.1:4823", backend),
        ("/etc/ssl/desk.example.pem", f"{directory}/cert.pem"),
        ("/etc/ssl/desk.example.key", f"{directory}/key.pem"),
    ):
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    config = directory / "nginx.conf"
    config.write_text(MAIN.format(directory=directory, documented=text))
    log = str(directory / "error.log")
    process = await asyncio.create_subprocess_exec(program, "-c", str(config), "-e", log)
    try:
        await until(lambda: _listens(port), "nginx")
        yield f"https://127.0.0.1:{port}", ssl.create_default_context(cadata=authority.certificate)
    finally:
        process.terminate()
        await process.wait()
        shutil.rmtree(directory, ignore_errors=True)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
