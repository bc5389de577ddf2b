"""The messages of control.proto, made of its compiled description.

control.binpb is what `protoc --descriptor_set_out` makes of control.proto (`make proto`): unlike
generated code, it works with every version of protobuf.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, struct_pb2
from google.protobuf.message import DecodeError

from guacr.errors import BadRequestError

SERVICE = "guacr.control.v1.Control"
PACKAGE = "guacr.control.v1"
_COMPILED = Path(__file__).with_name("control.binpb")

Message = Any
"""A message of protobuf, whose class is made at run time."""


POOL = descriptor_pool.DescriptorPool()
"""The descriptions of these messages, apart from those of other libraries in the process."""


def _load() -> dict[str, type[Message]]:
    POOL.AddSerializedFile(struct_pb2.DESCRIPTOR.serialized_pb)  # control.proto imports it
    (file,) = descriptor_pb2.FileDescriptorSet.FromString(_COMPILED.read_bytes()).file
    POOL.AddSerializedFile(file.SerializeToString())
    described = (POOL.FindMessageTypeByName(f"{PACKAGE}.{one.name}") for one in file.message_type)
    return {one.name: message_factory.GetMessageClass(one) for one in described}


MESSAGES = _load()
"""The classes of messages by name."""


def new(name: str, **fields: object) -> Message:
    """Create a message; nested ones may be dictionaries."""
    return MESSAGES[name](**fields)


def parse(name: str, data: bytes) -> Message:
    """Parse a message.

    Raises:
        BadRequestError: it is invalid.
    """
    try:
        return MESSAGES[name].FromString(data)
    except DecodeError:
        raise BadRequestError("the message is not one of control.proto: check the client") from None


def is_parse_error(error: BaseException | None) -> bool:
    """Return whether an error says that data are no message."""
    return isinstance(error, DecodeError)


def event_message(event: dict[str, Any]) -> Message:
    """Create the message of an event."""
    rest = {**event}
    message = new(
        "Event",
        event=rest.pop("event", ""),
        time=rest.pop("time", 0.0),
        session=rest.pop("session", ""),
    )
    message.fields.update(rest)
    return message
