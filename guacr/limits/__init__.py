"""Limits that several sessions share: how many there are, how often they are opened, and their
traffic."""
