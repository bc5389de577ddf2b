"""Bytes in, bytes out: one module for each way that a client can be connected."""
