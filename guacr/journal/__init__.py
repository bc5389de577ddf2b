"""The journal: a write-ahead log for audit entries and recordings, and the archive of its files."""
