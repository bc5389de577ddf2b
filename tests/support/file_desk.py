"""What a client does with the files of a session."""

from __future__ import annotations

import json
from base64 import b64encode

from guacr.protocol.instruction import BLOB_MAX
from guacr.testing.client import GuacClient

INDEX = "application/vnd.glyptodon.guacamole.stream-index+json"
BINARY = "application/octet-stream"
ERROR = "application/vnd.guacr.error+json"


async def file_system(client: GuacClient, timeout: float = 40.0) -> tuple[int, str]:
    """The index and name of the file system that is offered last."""
    await client.wait(lambda: offered(client), "a file system", timeout)
    index, name = offered(client)[-1]
    return int(index), name


def offered(client: GuacClient) -> list[tuple[str, ...]]:
    """The indices and names of the file systems that are offered."""
    return [one.args for one in client.history if one.opcode == "filesystem"]


async def get(
    client: GuacClient, index: int, path: str, timeout: float = 40.0
) -> tuple[str, bytes]:
    """The mimetype and content of a file or directory."""
    known = len(client.state.streams)
    client.send("get", index, path)
    await client.wait(lambda: len(client.state.streams) > known, path, timeout)
    body = client.state.streams[known]
    assert (body.opcode, body.args[0], body.args[2]) == ("body", str(index), path)
    return body.args[1], bytes(body.data)


async def refusal(client: GuacClient, index: int, path: str) -> tuple[str, int]:
    """The sentence and status with which a `get` is refused."""
    mimetype, data = await get(client, index, path)
    assert mimetype == ERROR
    answer = json.loads(data)
    return answer["message"], answer["status"]


async def send(client: GuacClient, *opening: object, data: bytes) -> tuple[str, int]:
    """Send a file as a stock client does, which waits for each acknowledgement; `opening` is an
    instruction without the index of its stream, which is 1. Return the last answer."""
    acks = client.state.acks
    count = len(acks) + 1
    place = 2 if opening[0] == "put" else 1
    client.send(str(opening[0]), *opening[1:place], 1, *opening[place:])
    await _count(acks, count, client)
    for start in range(0, len(data), BLOB_MAX):
        if acks[-1][2]:
            break
        count += 1
        client.send("blob", 1, b64encode(data[start : start + BLOB_MAX]).decode())
        await _count(acks, count, client)
    client.send("end", 1)
    return acks[-1][1:]


async def _count(acks: list[tuple[int, str, int]], count: int, client: GuacClient) -> None:
    await client.wait(lambda: len(acks) >= count, "an ack")
