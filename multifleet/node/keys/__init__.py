"""This node's own keys, where they lie, and their renewal."""
