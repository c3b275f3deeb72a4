"""Prints the Claude Code plugin's slash commands and manifests from the list of operations."""
