"""Agent clients on this machine: their sessions, inboxes, transcripts and hooks."""
