"""What the doctor asks, one file for each question."""
