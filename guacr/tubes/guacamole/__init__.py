"""Guacamole conversations: the tube is the client of guacd, or of this daemon."""
