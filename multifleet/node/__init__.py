"""The moving parts of a daemon, in one task group."""
