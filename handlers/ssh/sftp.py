"""Start SFTP on a host to which there is an SSH connection."""

from __future__ import annotations

from guacr.api import UpstreamError, UpstreamUnavailableError, shorten
from handlers.sftp.channel import SUBSYSTEM, WINDOW, SftpChannel
from handlers.ssh.client import broken_off
from handlers.ssh.failures import BrokenOffError, SubsystemRefusedError
from handlers.ssh.library import Connection


async def open_sftp(connection: Connection, host: str, timeout: float) -> SftpChannel:
    """Return a channel to the SFTP server of a host; `timeout` is in seconds.

    Raises:
        UpstreamError: the host has no SFTP server, or none that answers.
    """
    channel = SftpChannel(host)
    try:
        await connection.open_subsystem(channel, SUBSYSTEM, window=WINDOW, timeout=timeout)
        await channel.start()
    except SubsystemRefusedError as error:
        raise _refused(host, error) from None
    except BrokenOffError as error:
        raise broken_off(host, error) from None
    except BaseException:
        channel.close()
        raise
    return channel


def _refused(host: str, error: SubsystemRefusedError) -> UpstreamError:
    name = shorten(host)
    if error.is_open:
        return UpstreamUnavailableError(
            f"host {name} has no SFTP server: enable it (Subsystem sftp of OpenSSH's server)"
        )
    return UpstreamUnavailableError(
        f"host {name} opens no further session for SFTP: {error}; allow it there (MaxSessions of "
        "OpenSSH's server)"
    )
