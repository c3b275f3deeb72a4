"""What the daemon offers over HTTP and its Unix socket: to its user, and to peers."""
