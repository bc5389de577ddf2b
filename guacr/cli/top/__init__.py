"""`guacr top`: the sessions and workers of a running daemon, live in the terminal."""
