"""The version: of the distribution, of receipts, of `--version`. Its one home."""

__version__ = "0.1.0"
