"""Decisions. No I/O, no clock and no randomness in here: they arrive as arguments."""
