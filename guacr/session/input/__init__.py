"""Input of a user: read, queued and carried out."""
