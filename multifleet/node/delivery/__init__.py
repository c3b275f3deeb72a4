"""Sends to peers and takes from them: the outboxes, the frames, the receipts."""
