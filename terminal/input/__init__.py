"""Keys, pointers and pastes into the bytes that a host expects."""
