"""The entries of the audit log: events as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields

from guacr.protocol.status import Status
from guacr.session.events import Event, utc
from guacr.session.link import Traffic
from guacr.session.target import Target
from guacr.showable import cut

TEXT_MAX = 4096
"""Maximum characters of a text that a peer has sent, such as a name; longer ones are cut."""

_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


def values_of(event: Event) -> dict[str, object]:
    """Return what an entry says of an event: its name, and every field that is not empty."""
    values: dict[str, object] = {"event": _WORD.sub("-", type(event).__name__).lower()}
    for field in fields(event):
        value = getattr(event, field.name)
        if isinstance(value, Target):
            values |= {"host": _text(value.host), "username": _text(value.user)}
        elif isinstance(value, Traffic):
            values |= {"received": value.received, "sent": value.sent}
        elif field.name == "text":
            values["text"] = value  # limited by whoever has published it
        else:
            values[field.name] = _plain(value)
    return {name: value for name, value in values.items() if value not in ("", None)}


def encode(number: str, time: float, values: Mapping[str, object]) -> bytes:
    """Return an entry as a line of ASCII, without its end.

    Args:
        number: identifies the entry; it may be written twice after a failure.
        time: in seconds since 1970.
        values: of `values_of`.
    """
    return json.dumps({"time": utc(time), "id": number, **values}).encode()


def _plain(value: object) -> object:
    match value:
        case Status():
            return value.name
        case str():
            return _text(value)
        case float():
            return round(value, 3)
        case Mapping():
            return {_text(str(name)): _plain(one) for name, one in value.items()}
        case tuple():
            return [_plain(one) for one in value]
    return value


def _text(text: str) -> str:
    return cut(text, TEXT_MAX)
