"""Cells into pixels."""
