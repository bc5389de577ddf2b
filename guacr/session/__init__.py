"""Sessions, the users in them, and the interface that protocol handlers implement."""
