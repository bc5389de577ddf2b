"""The limit of open files, which limits the number of connections."""

from __future__ import annotations

import logging
import os
import resource

FILES_MAX = 1 << 20
"""Stands for no limit: some systems have none, and some refuse more."""
FEW = 1024
"""Open files below which the log says how to allow more."""

FILES_LEFT = 16
"""Open files that must be left for a new session."""
_NO_FILES = "hardly any more files can be opened: raise the limit (ulimit -n, LimitNOFILE)"

log = logging.getLogger("guacr.daemon")


def open_files() -> int:
    """Return the number of files that this process may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return FILES_MAX if soft == resource.RLIM_INFINITY else min(soft, FILES_MAX)


def raise_open_files() -> None:
    """Raise the soft limit to the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_MAX if hard == resource.RLIM_INFINITY else hard
    if soft not in (wanted, resource.RLIM_INFINITY):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError) as error:
            log.warning("the limit of %d open files cannot be raised: %s", soft, error)
    if open_files() < FEW:
        log.warning(
            "only %d files may be open: raise the limit (ulimit -n, LimitNOFILE) for more sessions",
            open_files(),
        )


def out_of_files() -> str:
    """Return a sentence that says that hardly any more files can be opened, or an empty text.

    A new file gets the lowest free number, so its number shows at least how many are open.
    """
    try:
        number = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return _NO_FILES
    os.close(number)
    return _NO_FILES if number + FILES_LEFT >= open_files() else ""
