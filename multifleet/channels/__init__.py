"""Ways to a peer, one file for each: each carries a frame and says what it knows, and none knows the others."""
