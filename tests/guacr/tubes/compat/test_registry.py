"""What `create_tube` says of arguments that cannot be used."""

from __future__ import annotations

from typing import Any

import pytest

from guacr.tubes import PyTubeRegistry

pytestmark = pytest.mark.usefixtures("application")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"offer": b"offer"}, "offer must be a text, not bytes"),
        ({"conversation_id": 7}, "conversation_id must be a text, not int"),
        ({"tube_id": 7}, "tube_id must be a text, not int"),
        ({"signal_callback": "x"}, "signal_callback must be callable, not str"),
        ({"handler_callback": []}, "handler_callback must be callable, not list"),
        (
            {"conversation_id": "c" * 2000},
            "Failed to create tube: the id of a conversation has 2000 bytes: 1024 are allowed",
        ),
    ],
)
def test_arguments_of_the_wrong_kind(arguments: dict[str, Any], text: str) -> None:
    usual: dict[str, Any] = {
        "conversation_id": "c",
        "settings": {"conversationType": "tunnel"},
        "trickle_ice": True,
        "callback_token": "t",
        "krelay_server": "",
        "client_version": "1",
    }
    registry = PyTubeRegistry()

    with pytest.raises(RuntimeError) as caught:
        registry.create_tube(**(usual | arguments))

    assert str(caught.value) == text
    assert registry.active_tube_count() == 0
