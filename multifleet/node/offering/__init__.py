"""Brings stored messages before agent sessions on this machine, and finds out what came of it."""
