"""Streams between one user and the daemon: files, pipes, clipboards, audio."""
