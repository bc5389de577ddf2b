"""guacr: a daemon that speaks the Guacamole protocol."""

__version__ = "0.1.0"
