"""SQL text: statements, batches and their terminators."""
