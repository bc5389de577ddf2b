"""The information that a client sends about itself in the handshake."""

from dataclasses import dataclass

from guacr.errors import BadRequestError
from guacr.protocol.files import DIRECTORY_TYPE

SIZE_MAX = 8192
"""Maximum width and height of a client's window in pixels."""
DPI_MIN, DPI_MAX, DPI_DEFAULT = 24, 960, 96
MIMETYPES_MAX = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientInfo:
    """The client's answer to `args`, except the parameters."""

    width: int = 1024
    height: int = 768
    dpi: int = DPI_DEFAULT
    audio: tuple[str, ...] = ()
    video: tuple[str, ...] = ()
    image: tuple[str, ...] = ()
    clipboard: tuple[str, ...] = ()
    """Types of a clipboard, other than text, that guacr's page accepts."""
    files: tuple[str, ...] = ()
    """Types of directories that the client accepts, other than guacd's."""
    timezone: str = ""
    name: str = ""
    version: tuple[int, int, int] = (1, 0, 0)

    @property
    def takes_required(self) -> bool:
        """True if the client supports `required` (protocol 1.3.0)."""
        return self.version >= (1, 3, 0)

    @property
    def takes_msg(self) -> bool:
        """True if the client supports `msg` (protocol 1.5.0)."""
        return self.version >= (1, 5, 0)

    @property
    def takes_files(self) -> bool:
        """True if the client supports guacr's extension for files."""
        return DIRECTORY_TYPE in self.files


def window_size(width: str, height: str) -> tuple[int, int]:
    """Parse the width and height in pixels sent by a client.

    Raises:
        BadRequestError: not numbers from 1 to `SIZE_MAX`.
    """
    if not (_is_number(width) and _is_number(height)):
        raise BadRequestError(f"size must be from 1 to {SIZE_MAX} pixels in each direction")
    size = int(width), int(height)
    if not (1 <= size[0] <= SIZE_MAX and 1 <= size[1] <= SIZE_MAX):
        raise BadRequestError(
            f"size {size[0]}x{size[1]} cannot be shown: 1 to {SIZE_MAX} pixels are allowed"
        )
    return size


def resolution(dpi: str) -> int:
    """Parse dots per inch, clamped to the supported range; anything else is the default."""
    if not _is_number(dpi) or int(dpi) == 0:
        return DPI_DEFAULT
    return min(max(int(dpi), DPI_MIN), DPI_MAX)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9
