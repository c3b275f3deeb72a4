"""Who is there: the sockets, addresses and timers of core.presence."""
