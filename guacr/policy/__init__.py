"""Access rules: who may open and join sessions, and where these may connect to. It has no I/O."""
