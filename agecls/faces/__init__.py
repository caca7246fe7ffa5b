"""Drawn faces for demo, tests and CI; `python -m agecls.faces`."""
