"""Who is in the fleet: the signed documents, how they travel, and what follows from them here."""
