"""Characters: their encodings, widths, words and links."""
