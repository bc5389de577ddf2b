"""`guacr demo`."""
