"""One module for each encoding of rectangles."""
