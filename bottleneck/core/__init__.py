"""Values, and everything else that knows no station."""
