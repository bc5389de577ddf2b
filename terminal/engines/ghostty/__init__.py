"""The engine on libghostty."""
