"""Hints from the machine about its sleep."""
