"""Terminal engines: the bytes of a host in; cells, replies and events out."""
