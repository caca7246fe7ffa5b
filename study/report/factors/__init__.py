"""Which factors matter, alone and together."""
