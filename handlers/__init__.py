"""The protocols that come with guacr: one package each, found by entry points."""
