"""The transports: one module for each kind of client connection."""
