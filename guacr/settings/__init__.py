"""The settings and their sources."""
