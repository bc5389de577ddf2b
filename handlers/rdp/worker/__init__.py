"""The processes in which an engine runs, one for each desktop."""
