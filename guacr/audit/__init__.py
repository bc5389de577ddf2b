"""The audit log: what happens to sessions, as JSON in the journal."""
