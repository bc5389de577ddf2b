"""Redis and compatible servers."""
