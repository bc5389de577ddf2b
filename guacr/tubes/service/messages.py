"""The messages of signalling, as JSON objects (docs/protocol.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from guacr.errors import BadRequestError, GuacrError, shorten
from guacr.json_text import JsonError, parse_json

MESSAGE_MAX = 65536
"""Bytes of a message."""
CANDIDATE_MAX = 1024
"""Characters of a candidate."""
SECRET_MAX = 128
"""Characters of a secret."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A session description: the first, or for an ICE restart."""

    sdp: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate of the browser; an empty text is their end."""

    candidate: str


@dataclass(frozen=True, slots=True)
class Resume:
    """The secret of a tube, whose signalling continues here."""

    secret: str = field(repr=False)


Message: TypeAlias = Offer | Candidate | Resume


def parse(text: str | bytes) -> Message:
    """Parse a message of a browser.

    Raises:
        BadRequestError: it is not one of those that are understood.
    """
    try:
        message = parse_json(text)
    except JsonError as error:
        raise BadRequestError(f"a signalling message cannot be read: {error}") from None
    if not isinstance(message, dict):
        raise BadRequestError("a signalling message must be a JSON object")
    match message.get("type"):
        case "offer":
            return Offer(_text(message, "sdp", MESSAGE_MAX))
        case "candidate":
            return Candidate(_text(message, "candidate", CANDIDATE_MAX))
        case "resume":
            return Resume(_text(message, "secret", SECRET_MAX))
        case str(kind):
            raise BadRequestError(f"signalling messages of the type {shorten(kind)} are unknown")
    raise BadRequestError("a signalling message must have a type")


def _text(message: dict[str, Any], name: str, limit: int) -> str:
    value = message.get(name)
    if not isinstance(value, str):
        raise BadRequestError(f"{name} of a signalling message must be a text")
    if len(value) > limit:
        raise BadRequestError(f"{name} of a signalling message has more than {limit} characters")
    return value


def error_message(error: GuacrError) -> dict[str, Any]:
    """Return the message that ends signalling."""
    return {"type": "error", "message": str(error), "status": int(error.status)}
