"""Files of an SSH session, both ways, with a real OpenSSH server; beside scp on the same machine.

The client is a process of its own here, acknowledges every blob, and sends the next blob of an
upload only after the previous one has been acknowledged, as Apache Guacamole's client does.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.table import print_table
from guacr.protocol.instruction import BLOB_MAX, encode
from tests.support.openssh import OpenSsh, openssh_server
from tests.support.server_process import end
from tests.support.waiting import POLL, free_port, listens

SIZE = 200_000_000
"""Bytes of the file that is downloaded."""
UPLOAD_SIZE = 50_000_000
RUNS = 3
MIMETYPE = "application/octet-stream"
INDEX = "0"
"""Of the file system, the only one."""
_END = ord(";")


class Client:
    """A client that does nothing with what it receives but to acknowledge it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._buffer = b""
        self._at = 0
        self._unsent: list[bytes] = []

    @classmethod
    async def connect(cls, port: int, parameters: dict[str, str]) -> Client:
        """A client of a session with files."""
        client = cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 20))
        client.send("select", "ssh")
        _, *names = await client.until("args")
        client.send("size", 800, 600, 96)
        for name in ("audio", "video", "image"):
            client.send(name)
        client.send("connect", names[0], *(parameters.get(name, "") for name in names[1:]))
        await client.until("filesystem")
        return client

    def send(self, opcode: str, *args: object) -> None:
        """Send an instruction, before the next is waited for."""
        self._unsent.append(encode(opcode, *map(str, args)))

    def _flush(self) -> None:
        self._writer.write(b"".join(self._unsent))
        self._unsent.clear()

    async def until(self, opcode: str) -> list[str]:
        """Wait for an instruction, and return it; acknowledge all others that must be."""
        while True:
            parts = await self.next()
            if parts[0] == "sync":
                self.send("sync", parts[1])
            elif parts[0] == "error":
                raise RuntimeError(parts[1])
            if parts[0] == opcode:
                return parts

    async def next(self) -> list[str]:
        """Read an instruction; of a blob, the length of its data instead of the data."""
        while (parts := self._complete()) is None:
            self._flush()
            self._buffer = self._buffer[self._at :] + await self._reader.read(1 << 18)
            self._at = 0
        return parts

    def _complete(self) -> list[str] | None:
        """The next instruction, if all of it has arrived."""
        parts, buffer, at = [], self._buffer, self._at
        while (dot := buffer.find(b".", at, at + 6)) > 0:
            length = int(buffer[at:dot])
            at = dot + 1 + length + 1
            if at > len(buffer):
                break
            parts.append(str(length) if length > 5000 else buffer[dot + 1 : at - 1].decode())
            if buffer[at - 1] == _END:
                self._at = at
                return parts
        return None

    async def download(self, path: str) -> float:
        """Megabytes a second."""
        started = time.perf_counter()
        self.send("get", INDEX, path)
        _, _, stream, _, _ = await self.until("body")
        self.send("ack", stream, "OK", 0)
        while True:
            opcode, *args = await self.next()
            if opcode == "sync":
                self.send("sync", args[0])
            elif opcode == "blob" and args[0] == stream:
                self.send("ack", stream, "OK", 0)
            elif opcode == "end" and args[0] == stream:
                return SIZE / 1e6 / (time.perf_counter() - started)

    async def upload(self, path: str) -> float:
        """Megabytes a second, with one blob at a time."""
        blob = b64encode(os.urandom(BLOB_MAX)).decode()
        started = time.perf_counter()
        self.send("put", INDEX, 1, MIMETYPE, path)
        await self.until("ack")
        for _ in range(UPLOAD_SIZE // BLOB_MAX):
            self.send("blob", 1, blob)
            *_, status = await self.until("ack")
            assert status == "0"
        self.send("end", 1)
        self._flush()
        return UPLOAD_SIZE / 1e6 / (time.perf_counter() - started)

    def close(self) -> None:
        """Leave."""
        self._writer.close()


@contextmanager
def daemon() -> Iterator[tuple[int, int]]:
    """The port of a daemon, and its process."""
    port = free_port()
    options = ["serve", "-f", "-b", "127.0.0.1", "-l", str(port), "-L", "warning"]
    environment = {**os.environ, "GUACR_WEBSOCKET__ENABLED": "false"}
    process = subprocess.Popen([sys.executable, "-m", "guacr", *options], env=environment)
    try:
        while not listens(port):
            time.sleep(POLL)
        yield port, process.pid
    finally:
        end(process)


def scp(server: OpenSsh, key: Path, *, upload: bool) -> float:
    """Megabytes a second of OpenSSH's own client."""
    here, there = str(key.with_name("copy")), f"{server.user}@{server.host}:file"
    options = ["-q", "-i", str(key), "-P", str(server.port), "-o", "StrictHostKeyChecking=no"]
    options += ["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
    started = time.perf_counter()
    subprocess.run(["scp", *options, *((here, there) if upload else (there, here))], check=True)
    return SIZE / 1e6 / (time.perf_counter() - started)


def cpu_time(pid: int) -> float:
    """Seconds of the processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def rates(server: OpenSsh, key: str, port: int, pid: int) -> list[float]:
    """Megabytes a second of a download and an upload, each followed by megabytes of the file for
    each second of the processor that the daemon used."""
    parameters = server.address | {"username": server.user, "private-key": key}
    client = await Client.connect(port, parameters | {"enable-sftp": "true"})
    file = server.home / "file"
    before = cpu_time(pid)
    down = await client.download(str(file))
    between = cpu_time(pid)
    up = await client.upload(f"{file}.new")
    after = cpu_time(pid)
    client.close()
    return [down, SIZE / 1e6 / (between - before), up, UPLOAD_SIZE / 1e6 / (after - between)]


def main() -> None:
    """Print the table."""
    with openssh_server() as server, daemon() as (port, pid):
        key = server.make_key("-t", "ed25519")
        (server.home / "file").write_bytes(os.urandom(SIZE))
        (server.home / "file").chmod(0o666)
        path = server.file("client_key")
        path.touch(0o600)
        path.write_text(key)
        rows = []
        for run in range(RUNS):
            ours = asyncio.run(rates(server, key, port, pid))
            theirs = scp(server, path, upload=False), scp(server, path, upload=True)
            rows.append([f"run {run + 1}", *ours, *theirs])
        heads = ["", "download", "of CPU", "upload", "of CPU", "scp down", "scp up"]
        print_table("Files of an SSH session, MB/s", heads, rows)


if __name__ == "__main__":
    main()
