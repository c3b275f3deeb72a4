"""Mends broken channels: on this side first, then with the peer's help, then from outside, then by telling a person."""
