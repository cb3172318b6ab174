"""Heads on stored rows: train, predict, compare, export."""
