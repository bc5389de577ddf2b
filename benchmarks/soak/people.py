"""People whose sessions come and go, and how each session ended."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from benchmarks.soak.servers import Kind
from guacr.testing.client import Behaviour, GuacClient, Hello

LIFE = 10.0, 150.0
"""Seconds that a session lasts."""
PAUSE = 1.0, 9.0
"""Seconds between two inputs, and before the next session: as many keys as people type, not as many
as the daemon can take."""
OPEN_WITHIN = 120.0
"""Seconds in which a session must show its first frame, or say why not; time-outs of logins are
shorter."""
BEAT = 1.0
"""Seconds between two looks at how late people are."""
HELLO = Hello(width=640, height=480)


@dataclass(frozen=True, slots=True)
class Loss:
    """A session that ended by itself, or did not begin."""

    kind: str
    at: float
    """On the monotonic clock."""
    reason: str
    """The daemon's sentence, or what was seen instead of one."""
    is_told: bool
    """True if the daemon gave a sentence."""
    had_begun: bool
    """True if it had shown a frame."""


@dataclass(slots=True)
class Crowd:
    """The people, and what they have seen."""

    port: int
    kinds: Sequence[Kind]
    begun: float = field(default_factory=time.monotonic)
    opened: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    losses: list[Loss] = field(default_factory=list)
    running: Counter[str] = field(default_factory=Counter)
    late: float = 0.0
    """The most seconds by which this process was late since `observe` was called."""

    async def observe(self) -> None:
        """Measure how late this process is, until cancelled. People who are late themselves count
        as silent, and servers in this process as slow."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + BEAT
            await asyncio.sleep(BEAT)
            self.late = max(self.late, loop.time() - due)

    async def warm_up(self) -> None:
        """Have a session of each kind, at the same time, for a moment."""
        await asyncio.gather(*(self._session(kind, LIFE[0]) for kind in self.kinds))

    async def person(self) -> None:
        """Open one session after the other, until cancelled."""
        while True:
            await asyncio.sleep(random.uniform(*PAUSE))
            kind = self._choice()
            self.running[kind.name] += 1
            try:
                await self._session(kind, random.uniform(*LIFE))
            finally:
                self.running[kind.name] -= 1

    def _choice(self) -> Kind:
        """Return a kind by its weight, of which there are not too many."""
        free = [kind for kind in self.kinds if self.running[kind.name] < kind.most]
        return random.choices(free, [kind.weight for kind in free])[0]

    async def _session(self, kind: Kind, life: float) -> None:
        had_begun = False

        def lost(reason: str, *, is_told: bool) -> None:
            self.losses.append(Loss(kind.name, time.monotonic(), reason, is_told, had_begun))

        try:
            client = await GuacClient.dial("127.0.0.1", self.port, Behaviour(paint=False))
        except OSError as error:
            lost(f"cannot connect: {error}", is_told=False)
            return
        try:
            await self._open(kind, client)
            had_begun = True
            await self._use(kind, client, life)
        except AssertionError as error:
            if client.state.errors:
                lost(client.state.errors[-1][0], is_told=True)
            elif client.state.disconnect:  # as at the end of a shell
                lost("the host has ended the session", is_told=True)
            else:
                lost(str(error).partition("\n")[0], is_told=False)
        finally:
            with suppress(OSError):
                await client.close(politely=random.random() < 0.5)

    async def _open(self, kind: Kind, client: GuacClient) -> None:
        """Wait for the first frame of a session.

        Raises:
            AssertionError: it did not begin.
        """
        async with asyncio.timeout(2 * OPEN_WITHIN):
            client.send("select", kind.protocol)
            await client.wait(lambda: client.state.args, "args", OPEN_WITHIN)
            client.answer_args(kind.parameters, HELLO)
            await client.frame(OPEN_WITHIN)
        self.opened[kind.name] += 1

    async def _use(self, kind: Kind, client: GuacClient, life: float) -> None:
        """Use a session for some seconds.

        Raises:
            AssertionError: it has ended.
        """
        end = time.monotonic() + life
        while time.monotonic() < end:
            await asyncio.sleep(random.uniform(*PAUSE))
            client.type(kind.text)
            client.mouse(random.randrange(640), random.randrange(480))
            if random.random() < 0.05:
                client.size(random.randrange(400, 900), random.randrange(300, 700))
            if client.closed or client.state.errors:
                raise AssertionError("closed without a reason")
        self.done[kind.name] += 1
