"""Tests of protocol handlers: a daemon in the test's process, and a client that sees its picture.

    async with (
        running_daemon(ColourHandler) as daemon,
        await GuacClient.connect(address(daemon), "colour", {"first": "1"}) as client,
    ):
        await client.wait(lambda: (client.canvas.flatten() == GREEN).all(), "a green picture")

The client is independent of guacr's own protocol and drawing code, and stricter than browsers:
anything that a real client would have to guess raises `WireError`. Nothing in guacr imports this
package, and it needs no dependencies beyond those of guacr.
"""

from guacr.testing.canvas import Canvas
from guacr.testing.client import Behaviour, ClientState, GuacClient, Hello, keysym
from guacr.testing.daemon import address, local_settings, running_daemon
from guacr.testing.wire import Received, WireError

__all__ = [
    "Behaviour",
    "Canvas",
    "ClientState",
    "GuacClient",
    "Hello",
    "Received",
    "WireError",
    "address",
    "keysym",
    "local_settings",
    "running_daemon",
]
