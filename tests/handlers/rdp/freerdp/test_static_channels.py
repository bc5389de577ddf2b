"""What the host sends on static channels is passed on only as quickly as the users receive it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from handlers.rdp.channel.codec import PART_MAX, Message
from handlers.rdp.channel.pipes import WINDOW, PipeReceived, PipeTaken
from handlers.rdp.freerdp.client import Client
from handlers.rdp.freerdp.static_channels import StaticChannels

ROOM = WINDOW // PART_MAX
"""Parts that the daemon may have at a time."""


def test_nothing_more_is_received_while_the_daemon_cannot_pass_it_on() -> None:
    sent: list[Message] = []
    client = cast(Client, SimpleNamespace(call_soon=lambda function: function()))
    channels = StaticChannels(client, sent.append)
    part = PipeReceived("A", bytes(PART_MAX), last=True)
    was_full: list[bool] = []
    for _ in range(ROOM + 1):
        channels.received(part)
        was_full.append(channels.is_full)
    assert was_full == [False] * ROOM + [True]
    assert len(sent) == ROOM
    channels.handle(PipeTaken(PART_MAX))
    was_full.append(channels.is_full)
    assert not was_full[-1]
    assert len(sent) == ROOM + 1
