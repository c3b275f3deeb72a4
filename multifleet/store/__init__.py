"""The node's memory on disk, and the only SQL: every other part asks through `Store`."""
