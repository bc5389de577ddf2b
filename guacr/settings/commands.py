"""Commands that print a secret of the settings, such as those of vaults."""

from __future__ import annotations

import os
import secrets
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import PurePath
from threading import Thread

from guacr.settings.descendants import Descendants
from guacr.showable import escaped, showable

OUTPUT_MAX = 65536
"""Maximum bytes that a command prints."""
ERROR_MAX = 4096
"""Bytes that are kept of what it prints on standard error."""
SHOWN_MAX = 200
"""Maximum characters of its first line there that an error contains."""
TIMEOUT = 10.0
"""Seconds that a command may take."""
ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
"""Variables that every command gets, as far as they are set; no others, unless they are named."""
WAITING = "end of a command"
"""The name of a thread that waits for a command which may not be killed."""
PLACEHOLDER_BYTES = 16
"""Random bytes of a placeholder, whose 32 hexadecimal digits are valid as any kind of key."""


RESOLVED = object()
"""The context for settings whose secrets have been read already, such as those of another
process."""


_running: set[int] = set()
"""The process groups of the commands that are being run."""


class _LimitError(Exception):
    """A command has exceeded a limit."""


class Commands:
    """Runs the commands of the settings while they are read, each of them once.

    Args:
        run: if False, none is run, and each secret is a random text that nobody knows.
    """

    def __init__(self, *, run: bool = True) -> None:
        self._run = run
        self._outputs: dict[tuple[tuple[str, ...], tuple[str, ...]], str] = {}

    def output(self, command: Sequence[str], variables: Sequence[str]) -> str:
        """Return what a command prints, without the line break at its end.

        Args:
            command: the program, which is searched for in `PATH`, and its arguments.
            variables: names of environment variables that it gets, too.

        Raises:
            ValueError: it cannot be run, fails, takes too long, or prints too much or nothing. The
                message continues the name of a setting, and contains nothing of the output.
        """
        if not self._run:
            return secrets.token_hex(PLACEHOLDER_BYTES)
        key = tuple(command), tuple(variables)
        if key not in self._outputs:
            self._outputs[key] = _output(command, variables)
        return self._outputs[key]


def end_all() -> None:
    """End the commands that are being run, with their children: this process ends."""
    for group in list(_running):
        _kill(group)


def _kill(group: int) -> bool:
    """Kill a process group and the descendants of its leader, which may be in other groups; return
    whether this account may kill the group."""
    descendants = Descendants(group)
    try:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    except PermissionError:
        return False
    finally:
        descendants.kill()
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command with its children. One that runs as another account, such as by sudo, is left
    to itself, and only waited for on a thread."""
    if _kill(process.pid):  # which it is still: nobody has waited for it
        process.wait()
    else:
        Thread(target=process.wait, name=WAITING, daemon=True).start()


def _output(command: Sequence[str], variables: Sequence[str]) -> str:
    names = {*ENVIRONMENT, *variables}
    subject = f"needs the command {PurePath(command[0]).name}, which"
    try:
        process = subprocess.Popen(  # noqa: S603 - an operator has named it, and there is no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env={name: value for name, value in os.environ.items() if name in names},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a null character"
        raise ValueError(f"{subject} cannot be run: {reason}") from None
    assert process.stdout is not None  # noqa: S101 - both are pipes
    assert process.stderr is not None  # noqa: S101
    with process.stdout, process.stderr:
        _running.add(process.pid)
        try:
            output, said = _read(process)
        except _LimitError as error:
            _end(process)
            raise ValueError(f"{subject} {error}") from None
        except BaseException:  # such as KeyboardInterrupt
            _end(process)
            raise
        finally:
            _running.discard(process.pid)
    if process.returncode:
        raise ValueError(f"{subject} {_failure(process.returncode, said)}")
    try:
        text = output.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ValueError(f"{subject} printed something else than UTF-8") from None
    if not text:
        raise ValueError(f"{subject} printed nothing")
    return text


def _read(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """Wait for the end of a process; return what it has printed, and the beginning of what it has
    printed on standard error.

    Raises:
        _LimitError: it does not end in time, or prints too much; it has not been waited for.
    """
    assert process.stdout is not None  # noqa: S101 - both are pipes
    assert process.stderr is not None  # noqa: S101
    deadline = time.monotonic() + TIMEOUT
    output, said = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, (output, OUTPUT_MAX + 1))
        selector.register(process.stderr, selectors.EVENT_READ, (said, ERROR_MAX))
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise _LimitError(f"did not end within {TIMEOUT:g} seconds")
            for key, _ in ready:
                data = os.read(key.fd, OUTPUT_MAX)
                if not data:
                    selector.unregister(key.fileobj)
                kept, most = key.data
                kept += data[: most - len(kept)]
            if len(output) > OUTPUT_MAX:
                raise _LimitError(f"printed more than {OUTPUT_MAX} bytes")
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise _LimitError(f"did not end within {TIMEOUT:g} seconds") from None
    return bytes(output), bytes(said)


def _failure(status: int, said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    reason = f": {showable(lines[0][:SHOWN_MAX], escaped)}" if lines else ""
    if status < 0:
        return f"was ended by signal {-status}{reason}"
    return f"failed with status {status}{reason}"
