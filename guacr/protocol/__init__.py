"""The Guacamole protocol, sans-I/O: bytes to instructions and back, with no event loop or clock."""
