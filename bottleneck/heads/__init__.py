"""Heads: small models fitted on features. They see arrays, never a store."""
