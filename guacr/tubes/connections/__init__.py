"""The kinds of connections that a conversation carries."""
