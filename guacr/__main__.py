"""`python -m guacr` is the command `guacr`."""

import sys

from guacr.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
