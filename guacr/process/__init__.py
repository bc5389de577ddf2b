"""The daemon's process: signals, the background, the pid file."""
