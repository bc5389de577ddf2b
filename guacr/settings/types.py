"""The types of settings: the values that a file, an argument or the environment may have for a key.

A validator's message continues the name of the key: "must be …", "contains …".
"""

import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo

from guacr.settings.commands import RESOLVED, Commands
from guacr.showable import is_unicode

SECRET_FILE_MAX = 65536
"""Maximum bytes of a file with a secret."""
FILE_PREFIX = "file:"
TOKEN_KEY_MIN = 32
"""Minimum characters of a key for tokens."""
GUACAMOLE_LITE_KEY_BYTES = 32
"""The size of an AES-256 key."""

WORKERS_MAX = 256
"""Processes that run sessions."""

_HOST = r"(?:\*\.)?[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]"
_ORIGIN = re.compile(rf"self|https?://(?:{_HOST})(?::[0-9]{{1,5}})?/?")


_ICE_URL = re.compile(
    r"(?:stun:|turns?:)(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?(?:\?transport=(?:udp|tcp))?"
)


@dataclass(frozen=True, slots=True)
class Allowed:
    """The values that a type accepts, in words, if its bounds do not describe them."""

    text: str


class ProblemsError(ValueError):
    """Several problems of one value; each continues the name of the key."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def _read_secret(path: str) -> str:
    """Return the text of a file, without the line break at its end."""
    try:
        with _expanded(path).open("rb") as file:
            data = file.read(SECRET_FILE_MAX + 1)
        text = data.decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ValueError(f"names the file {path}, which cannot be read: {reason}") from None
    if len(data) > SECRET_FILE_MAX:
        raise ValueError(f"names the file {path}, which has more than {SECRET_FILE_MAX} bytes")
    return text.removesuffix("\n").removesuffix("\r")


def _secret(value: Any, info: ValidationInfo) -> Any:
    """Return the text of a secret: itself, a file's, or a command's output."""
    if info.context is RESOLVED:
        return value
    match value:
        case str() if value.startswith(FILE_PREFIX):
            return _read_secret(value.removeprefix(FILE_PREFIX))
        case {"file": str(path), **rest} if not rest:
            return _read_secret(path)
        case {"exec": command, **rest} if not rest.keys() - {"env"}:
            return _output(_words("exec", command), _words("env", rest.get("env", [])), info)
        case dict():
            raise ValueError("must be a text, { file = PATH } or { exec = [COMMAND, …] }")
    return value


def _words(name: str, value: Any) -> list[str]:
    words = _split(value)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"has {name}, which must be a list of texts")
    return words


def _output(command: list[str], variables: list[str], info: ValidationInfo) -> str:
    if not command or not command[0]:
        raise ValueError("has exec without a command")
    commands = info.context if isinstance(info.context, Commands) else Commands()
    return commands.output(command, variables)


def _token_key(value: Any, info: ValidationInfo) -> Any:
    key = _secret(value, info)
    _check_unicode(key)
    if isinstance(key, str) and len(key) < TOKEN_KEY_MIN:
        raise ValueError(f"must contain keys of at least {TOKEN_KEY_MIN} characters")
    return key


def _check_unicode(key: Any) -> None:
    if isinstance(key, str) and not is_unicode(key):
        raise ValueError("must be UTF-8")


def _guacamole_lite_key(value: Any, info: ValidationInfo) -> Any:
    key = _secret(value, info)
    _check_unicode(key)
    if isinstance(key, str) and key and len(key.encode()) != GUACAMOLE_LITE_KEY_BYTES:
        raise ValueError(f"must have exactly {GUACAMOLE_LITE_KEY_BYTES} bytes")
    return key


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")  # noqa: TRY004 (for pydantic)
    return value


def _split(value: Any) -> Any:
    """Split a text from the environment, which is a list separated by commas."""
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    return value


def _network(value: Any) -> Any:
    if isinstance(value, str):
        try:
            ipaddress.ip_network(value, strict=False)
        except ValueError:
            raise ValueError(
                f"must contain addresses and networks such as 10.0.0.0/8, not {value[:40]!r}"
            ) from None
    return value


def _frame_ancestor(value: Any) -> Any:
    if isinstance(value, str) and not _ORIGIN.fullmatch(value):
        raise ValueError(
            f"must contain self and origins such as https://desk.example, not {value[:40]!r}"
        )
    return value.rstrip("/") if isinstance(value, str) else value


def _ice_url(value: Any) -> Any:
    if isinstance(value, str) and not _ICE_URL.fullmatch(value):
        raise ValueError(
            "must be like stun:host:3478, turn:host:3478?transport=tcp or turns:host:5349, not "
            f"{value[:60]!r}"
        )
    return value


def _path(value: Any) -> Any:
    if isinstance(value, str):
        return _expanded(value) if value else None
    return value


def _expanded(path: str) -> Path:
    if "\0" in path:
        raise ValueError("must be a path without null characters")
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ValueError(
            f"begins with the home directory of an unknown account: write all of {path!r}"
        ) from None


def _mode(value: Any) -> Any:
    """Convert permissions from octal digits, as chmod does."""
    if not isinstance(value, str):
        return value
    try:
        return int(value, 8)
    except ValueError:
        raise ValueError('must be octal digits such as "0660"') from None


def _auto(value: Any) -> Any:
    return 0 if value == "auto" else value


def _parameters(value: Any, info: ValidationInfo) -> Any:
    """Return parameters as the texts of `connect`; secrets may be in files or printed by
    commands."""
    texts = read_secrets(value, info)
    if not isinstance(texts, dict):
        return texts
    return {name.replace("_", "-"): text for name, text in texts.items()}


def read_secrets(value: Any, info: ValidationInfo) -> Any:
    """Return the texts of a table; `{ file = PATH }` reads a file, and `{ exec = [COMMAND, …] }`
    runs a command.

    Raises:
        ProblemsError: some of the texts are no texts, or cannot be read.
    """
    if not isinstance(value, dict):
        return value
    texts, problems = {}, []
    for name, text in value.items():
        try:
            texts[name] = _parameter(name, text, info)
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise ProblemsError(problems)
    return texts


def _parameter(name: str, value: Any, info: ValidationInfo) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int():
            return str(value)
        case dict():
            try:
                return str(_secret(value, info))
            except ValueError as error:
                raise ValueError(f"contains {name}, which {error}") from None
    raise ValueError(
        f"contains {name}, which must be a text, a number, true, false, {{ file = PATH }} or "
        "{ exec = [COMMAND, …] }"
    )


def _host(value: Any) -> Any:
    """Return a name or an address; an IPv6 address may be in brackets."""
    bracketed = isinstance(value, str) and value.startswith("[") and value.endswith("]")
    return value[1:-1] if bracketed else value


def _port(value: Any) -> Any:
    """Return the number of a port, or of a service's port, as guacd does."""
    if isinstance(value, str) and value and not value.strip().isdigit():
        try:
            return socket.getservbyname(value.strip(), "tcp")
        except OSError:
            raise ValueError(
                f"must be a port number or the name of a service, not {value[:40]!r}"
            ) from None
    return value


Whole = Annotated[int, BeforeValidator(_no_boolean)]
Number = Annotated[float, BeforeValidator(_no_boolean)]
Count = Annotated[Whole, Field(ge=0, le=1_000_000)]
"""A limit of a number; 0 for none."""
Port = Annotated[Whole, BeforeValidator(_port), Field(ge=0, le=65535)]
Seconds = Annotated[float, BeforeValidator(_no_boolean), Field(ge=0.1, le=3600)]
SecondsOrNone = Annotated[float, BeforeValidator(_no_boolean), Field(ge=0, le=3600)]
Mode = Annotated[
    Whole, BeforeValidator(_mode), Field(ge=0, le=0o777), Allowed('octal digits such as "0660"')
]
Quality = Annotated[
    Whole, BeforeValidator(_auto), Field(ge=0, le=100), Allowed('"auto" or 0 to 100')
]
Workers = Annotated[
    Whole,
    BeforeValidator(_auto),
    Field(ge=0, le=WORKERS_MAX),
    Allowed(f'"auto" or 1 to {WORKERS_MAX}'),
]
Texts = Annotated[tuple[str, ...], BeforeValidator(_split)]
Hosts = Annotated[tuple[Annotated[str, BeforeValidator(_host)], ...], BeforeValidator(_split)]
Networks = Annotated[tuple[Annotated[str, BeforeValidator(_network)], ...], BeforeValidator(_split)]
Origins = Annotated[
    tuple[Annotated[str, BeforeValidator(_frame_ancestor)], ...], BeforeValidator(_split)
]
OptionalPath = Annotated[Path | None, BeforeValidator(_path)]
Paths = Annotated[tuple[Annotated[Path, BeforeValidator(_path)], ...], BeforeValidator(_split)]
IceUrl = Annotated[str, BeforeValidator(_ice_url)]
Secret = Annotated[str, BeforeValidator(_secret), Field(max_length=1024, repr=False)]
TokenKeys = Annotated[
    tuple[Annotated[str, BeforeValidator(_token_key)], ...],
    BeforeValidator(_split),
    Field(repr=False),
]
GuacamoleLiteKey = Annotated[str, BeforeValidator(_guacamole_lite_key), Field(repr=False)]
ParameterTexts = Annotated[dict[str, str], BeforeValidator(_parameters), Field(repr=False)]
