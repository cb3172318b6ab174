"""Where the stations meet: one use case a door."""
