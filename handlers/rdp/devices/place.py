"""The directory of a drive: who may name it, and how it is opened."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from guacr.api import BadRequestError, BusyError, ForbiddenError, Origin, Settings, shorten
from handlers.rdp.devices.tree import DIRECTORY_MODE, Limits, Tree
from handlers.rdp.params import RdpParams

PARAMETER = "drive-path"


def check(params: RdpParams) -> None:
    """Check the parameters of a drive, as far as that is possible without a session.

    Raises:
        BadRequestError: its directory is missing.
    """
    if not params.enable_drive:
        return
    if not params.drive_path:
        raise BadRequestError(f"enable-drive is set, and {PARAMETER} is empty: name a directory")
    path = Path(params.drive_path)
    if not path.is_absolute():
        raise BadRequestError(
            f"parameter {PARAMETER} must be an absolute path, not {shorten(params.drive_path)}"
        )


def check_directory(params: RdpParams) -> None:
    """Check that the directory of an operator's connection exists, unless it is created; blocks.

    Raises:
        BadRequestError: it does not.
    """
    path = Path(params.drive_path)
    if params.enable_drive and path.is_absolute():
        if params.create_drive_path and not path.parent.is_dir():
            raise _no_parent()
        if not params.create_drive_path and not path.is_dir():
            raise _no_directory()


def open_tree(params: RdpParams, origin: Origin, settings: Settings) -> Tree:
    """Open the directory of a drive, which is created if the parameters say so; blocks.

    Raises:
        ForbiddenError: a client has named a directory that clients may not use.
        BadRequestError: it is no directory.
        BusyError: it cannot be opened.
    """
    check(params)
    path = Path(params.drive_path)
    is_trusted = PARAMETER in origin.trusted
    allowed = settings.rdp.drive_directories
    if not is_trusted:
        allowed = tuple(place for place in allowed if _is_written_in(path, place))
        if not allowed or not _lies_in(path, allowed):
            raise _forbidden()
    if params.create_drive_path:
        _create(path)
    try:
        root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise _no_directory() from None
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise BusyError(f"the daemon cannot open the directory of the drive: {reason}") from None
    if not is_trusted and not _lies_in(Path(f"/proc/self/fd/{root}"), allowed):
        os.close(root)  # somebody has replaced a part of the path meanwhile
        raise _forbidden()
    return Tree(root, Limits(settings.rdp.max_drive_file, settings.rdp.min_drive_free))


def _create(path: Path) -> None:
    try:
        path.mkdir(DIRECTORY_MODE)
    except FileExistsError:
        return
    except FileNotFoundError:
        raise _no_parent() from None
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise BusyError(f"the daemon cannot create the directory of the drive: {reason}") from None


def _is_written_in(path: Path, place: Path) -> bool:
    """Return whether a path leads into a directory as it is written. Others are not even looked at:
    their disks may hang, or be mounted by that."""
    return Path(os.path.normpath(path)).is_relative_to(place)


def _lies_in(path: Path, places: Iterable[Path]) -> bool:
    """Return whether a directory is one of `places` or inside one, with symbolic links resolved."""
    try:
        real = path.resolve()
        return any(real.is_relative_to(place.resolve()) for place in places)
    except (OSError, RuntimeError, ValueError):  # a loop of symbolic links; a null character
        return False


def _no_directory() -> BadRequestError:
    return BadRequestError(
        f"parameter {PARAMETER} is no directory of the daemon's machine: create it, or set "
        "create-drive-path"
    )


def _no_parent() -> BadRequestError:
    return BadRequestError(f"the directory that {PARAMETER} is in does not exist: create it")


def _forbidden() -> ForbiddenError:
    return ForbiddenError(
        f"parameter {PARAMETER} names a directory of the daemon's machine that clients may not "
        "use: list it in rdp.drive_directories, or configure a connection"
    )
