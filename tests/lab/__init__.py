"""Several machines inside this one: real daemons, real clients and real faults.

A `Lab` is a set of hosts on a bridge. Every host is its own set of Linux namespaces (network, mount, UTS, IPC
and PID), so it has an address, a hostname, a process table and a private /tmp, /run, /home and /srv.
All is torn down when the block ends, and also when the test runner itself is killed: each host's init reads a
pipe that only the runner holds. The machine's own network is left alone, and no host has a way out.
"""
