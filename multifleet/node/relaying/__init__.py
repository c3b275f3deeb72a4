"""Passes frames of others on, and keeps what cannot be passed on yet."""
