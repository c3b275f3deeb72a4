"""Finds out what is to be known of a peer, for `why`; what it amounts to is decided in core.diagnosis."""
