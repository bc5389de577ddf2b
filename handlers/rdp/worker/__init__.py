"""The processes in which FreeRDP runs, one for each desktop."""
