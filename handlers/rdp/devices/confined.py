"""Becomes Ghostscript, in a process that can do little else: it reads what hosts print.

Its arguments are the path of Ghostscript, a directory for temporary files, and the bytes that a
file may have. The document is on standard input, and the PDF goes to standard output.
"""

from __future__ import annotations

import os
import sys

from handlers.rdp.worker.confine import confine_program

ARGUMENTS = (
    *("-q", "-dNOPAUSE", "-dBATCH", "-dSAFER", "-sDEVICE=pdfwrite"),
    *("-sstdout=%stderr", "-sOutputFile=%stdout", "-f", "-"),
)
FILES = ("/etc/ghostscript", "/var/lib/ghostscript", "/etc/fonts", "/var/cache/fontconfig")
"""The files that Ghostscript reads besides the system's libraries and its own below /usr."""


def main(program: str, directory: str, most: int) -> None:
    """Become Ghostscript."""
    confine_program(directory, FILES, most)
    environment = {"TMPDIR": directory, "HOME": directory, "LC_ALL": "C.UTF-8"}
    try:
        os.execve(program, [program, *ARGUMENTS], environment)  # noqa: S606 - no shell
    except OSError as error:
        sys.exit(f"{error.strerror}: install it below /usr")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
