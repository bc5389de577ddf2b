"""Recordings of sessions, for guacd's tools and Apache Guacamole's player, and typescripts."""
