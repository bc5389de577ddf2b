"""guacr: a daemon that speaks the Guacamole protocol."""
