"""Hints from the network about where peers are. They are believed by nobody: a signed round trip decides."""
