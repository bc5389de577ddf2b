"""Several processes of one daemon: a front that accepts clients, and workers that have sessions."""
