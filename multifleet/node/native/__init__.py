"""Shows seats of other machines to agent clients as sessions beside their own, and carries over what is sent there."""
