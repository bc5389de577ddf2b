"""Formats of clipboards that several protocols have."""
