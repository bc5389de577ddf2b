"""The command `guacr` and its subcommands."""
