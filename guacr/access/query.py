"""The query of a WebSocket's URL, with the names of guacamole-lite and Apache Guacamole.

token, connection, protocol     what to connect to (see `guacr.access.gateway`)
width, height, dpi              the window, in device pixels and dots per inch
audio, video, image, clipboard, files
                                mimetypes that the client accepts, each as often as needed
timezone, name, version         the person's time zone and name, the newest supported protocol
GUAC_WIDTH, GUAC_HEIGHT, …      the same, as named by Apache Guacamole's client
anything else                   a connection parameter
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from guacr.errors import BadRequestError, ForbiddenError, shorten
from guacr.protocol.client import (
    DPI_DEFAULT,
    MIMETYPES_MAX,
    ClientInfo,
    resolution,
    window_size,
)

PAIRS_MAX = 256
"""Maximum values in a query."""
MIMETYPE_MAX = 128
"""Maximum characters of a mimetype."""
TEXT_MAX = 256
"""Maximum characters of a time zone or a person's name."""
APACHE_PREFIX = "GUAC_"
VERSIONS = {
    f"VERSION_{major}_{minor}_{patch}": (major, minor, patch)
    for major, minor, patch in ((1, 0, 0), (1, 1, 0), (1, 3, 0), (1, 5, 0))
}
DEFAULT_VERSION = (1, 1, 0)
"""The version of guacamole-lite, whose browsers need not support `required` and `msg`."""
TARGETS = ("token", "connection", "protocol")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A parsed query."""

    token: str = field(default="", repr=False)
    connection: str = ""
    protocol: str = ""
    info: ClientInfo = field(default_factory=ClientInfo)
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)


def parse_query(pairs: Iterable[tuple[str, str]], defaults: Mapping[str, str]) -> Query:
    """Parse a query; `defaults` has the client's properties that it lacks.

    Raises:
        BadRequestError: the window size is invalid, or there are too many values.
        ForbiddenError: the query requests to join by a connection id.
    """
    targets: dict[str, str] = {}
    about: dict[str, list[str]] = {}
    parameters: dict[str, str] = {}
    for count, (name, value) in enumerate(pairs):
        known = name.removeprefix(APACHE_PREFIX).lower() if name.startswith("GUAC_") else name
        if count >= PAIRS_MAX:
            raise BadRequestError(f"the URL contains more than {PAIRS_MAX} values")
        if known in _ABOUT_CLIENT or name.startswith(APACHE_PREFIX):
            about.setdefault(known, []).append(value)
        elif name in TARGETS:
            targets[name] = value
        elif name == "join":
            raise ForbiddenError("joining needs a join link: ask someone in the session for one")
        else:
            parameters[name] = value
    for name, text in defaults.items():
        about.setdefault(name, [text])
    return Query(info=_client_info(about), parameters=parameters, **targets)


def is_about_client(name: str) -> bool:
    """Return whether `name` is a property of the client, not a parameter."""
    return name in _ABOUT_CLIENT


def _client_info(about: Mapping[str, list[str]]) -> ClientInfo:
    info = ClientInfo(version=DEFAULT_VERSION)
    changes: dict[str, Any] = {}
    for name, values in about.items():
        read = _ABOUT_CLIENT.get(name)
        if read is not None and any(values):
            changes[name] = read(values)
    width = changes.pop("width", str(info.width))
    height = changes.pop("height", str(info.height))
    changes["width"], changes["height"] = window_size(width, height)
    return replace(info, **changes)


def _pixels(values: list[str]) -> str:
    """Truncate to whole pixels, because browsers with a zoom send fractions."""
    return values[-1].partition(".")[0]


def _mimetypes(values: list[str]) -> tuple[str, ...]:
    return tuple(v for v in values[:MIMETYPES_MAX] if v and len(v) <= MIMETYPE_MAX)


def _text(values: list[str]) -> str:
    return values[-1][:TEXT_MAX]


def _version(values: list[str]) -> tuple[int, int, int]:
    version = VERSIONS.get(values[-1])
    if version is None:
        known = ", ".join(VERSIONS)
        raise BadRequestError(f"version must be one of {known}, not {shorten(values[-1])}")
    return version


def _dpi(values: list[str]) -> int:
    return resolution(_pixels(values)) if values[-1] else DPI_DEFAULT


_ABOUT_CLIENT: dict[str, Callable[[list[str]], Any]] = {
    "width": _pixels,
    "height": _pixels,
    "dpi": _dpi,
    "audio": _mimetypes,
    "video": _mimetypes,
    "image": _mimetypes,
    "clipboard": _mimetypes,
    "files": _mimetypes,
    "timezone": _text,
    "name": _text,
    "version": _version,
}
