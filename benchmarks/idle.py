"""Idle sessions: the share of a core that they take. The clients, in a process of their own, send a
`nop` every 5 s, as browsers do. The SSH sessions are on a real OpenSSH server."""

from __future__ import annotations

import argparse
import asyncio
import random
from collections.abc import Mapping

from benchmarks.daemon_process import DaemonProcess, daemon_process
from benchmarks.table import print_table
from guacr.protocol.instruction import Instruction, encode
from guacr.protocol.parser import InstructionParser
from tests.support.openssh import openssh_server, sshd

SESSIONS, SSH_SESSIONS = 2000, 100
PARALLEL = 8
KEEP_ALIVE = 5.0
"""Seconds between two `nop` of a client."""
SETTLE = 12.0
"""Seconds after the last connect: terminals free memory after ten."""
SECONDS = 20.0
PATIENCE = 60.0
NOP = encode("nop")


class Client(asyncio.Protocol):
    """A client that is idle once it has seen its first frame."""

    def __init__(self, protocol: str, parameters: Mapping[str, str]) -> None:
        self._protocol = protocol
        self._parameters = parameters
        self._parser = InstructionParser()
        self._loop = asyncio.get_running_loop()
        self.drawn = self._loop.create_future()
        """Done with the first frame."""
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first instruction."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(encode("select", self._protocol))

    def data_received(self, data: bytes) -> None:
        """Answer, if it is not a `nop`."""
        if data != NOP:
            for instruction in self._parser.feed(data):
                self._take(instruction)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop."""
        self.lost = True

    def _take(self, instruction: Instruction) -> None:
        if instruction.opcode == "args":
            names = instruction.args[1:]
            self.transport.write(encode("size", 1024, 768, 96) + encode("image", "image/png"))
            values = (self._parameters.get(name, "") for name in names)
            self.transport.write(encode("connect", instruction.args[0], *values))
        elif instruction.opcode == "sync":
            self.transport.write(encode("sync", instruction.args[0]))
            if not self.drawn.done():
                self.drawn.set_result(None)
                self.transport.pause_reading()  # a client on another machine wakes nobody here
                self._loop.call_later(random.random() * KEEP_ALIVE, self._keep_alive)
        elif instruction.opcode == "error":
            self.drawn.set_exception(RuntimeError(instruction.args[0]))

    def _keep_alive(self) -> None:
        if not self.lost:
            self.transport.write(NOP)
            self._loop.call_later(KEEP_ALIVE, self._keep_alive)


async def measure(
    daemon: DaemonProcess, protocol: str, parameters: Mapping[str, str], count: int
) -> list[object]:
    """A row of the table."""
    gate, loop = asyncio.Semaphore(PARALLEL), asyncio.get_running_loop()

    async def connect() -> Client:
        async with gate, asyncio.timeout(PATIENCE):
            _, client = await loop.create_connection(
                lambda: Client(protocol, parameters), "127.0.0.1", daemon.port
            )
            await client.drawn
            return client

    clients = await asyncio.gather(*(connect() for _ in range(count)))
    await asyncio.sleep(SETTLE)
    before, begun = daemon.cpu_time(), loop.time()
    await asyncio.sleep(SECONDS)
    percent = 100 * (daemon.cpu_time() - before) / (loop.time() - begun)
    lost = sum(client.lost for client in clients)
    for client in clients:
        client.transport.close()
    return [f"{count} of {protocol}", percent, percent * 1e4 / count, lost]


def rows(sessions: int, ssh_sessions: int) -> list[list[object]]:
    """The rows of the table; each daemon has only the sessions of one row."""
    found: list[list[object]] = []
    if sessions:
        with daemon_process() as daemon:
            found.append(asyncio.run(measure(daemon, "blank", {}, sessions)))
    if ssh_sessions and sshd():
        with openssh_server() as server, daemon_process() as daemon:
            key = server.make_key("-t", "ed25519")
            parameters = server.address | {"username": server.user, "private-key": key}
            found.append(asyncio.run(measure(daemon, "ssh", parameters, ssh_sessions)))
    return found


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.idle")
    parser.add_argument("sessions", type=int, nargs="?", default=SESSIONS)
    parser.add_argument("ssh_sessions", type=int, nargs="?", default=SSH_SESSIONS)
    options = parser.parse_args(arguments or [])
    columns = ["sessions", "% of a core", "us a second each", "lost"]
    table = rows(options.sessions, options.ssh_sessions)
    print_table(f"Idle sessions, over {SECONDS:g} s", columns, table)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
