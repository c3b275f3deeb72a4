"""The `multifleet` command: asks the daemon over its Unix socket. `send` imports nothing heavy on its way."""
