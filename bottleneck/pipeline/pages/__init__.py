"""What a run and a store look like, as plain values for pictures."""
