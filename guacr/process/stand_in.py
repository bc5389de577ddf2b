"""The process that a pid file names while the daemon is in the background (see `background`).

It is a separate program, run by its path without the rest of the package, so that it is small: the
system takes a few milliseconds to end a process of some 50 MB, and init scripts check sooner. Its
argument is the daemon's process id. SIGHUP is blocked when it starts.
"""

import os
import signal
import sys


def main(daemon: int) -> int:
    """Live as long as the daemon, a child of this process, and return its exit status. SIGTERM ends
    this process at once, and with it the pipe that the daemon watches; SIGHUP is passed on."""
    signal.signal(signal.SIGHUP, lambda *_: os.kill(daemon, signal.SIGHUP))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP])
    _, status = os.waitpid(daemon, 0)
    return os.waitstatus_to_exitcode(status) & 0xFF


if __name__ == "__main__":
    os._exit(main(int(sys.argv[1])))
