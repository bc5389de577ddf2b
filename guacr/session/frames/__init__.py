"""Frames: when they are sent, and to which viewers."""
