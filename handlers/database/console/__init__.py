"""The console: input, statements and results."""
