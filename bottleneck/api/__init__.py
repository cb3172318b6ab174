"""The use cases from Python: the doors that are called instead of typed."""
