"""The store: immutable tables of rows and samples, and a log of commits that is the truth."""
