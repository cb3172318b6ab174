"""Arrays and plain values in, PNG or HTML out."""
