"""One module for each security type."""
