"""What a command asks of a network, as a recipe."""
