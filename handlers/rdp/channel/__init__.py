"""The protocol between the daemon and a worker process: messages, and their bytes, without I/O."""
