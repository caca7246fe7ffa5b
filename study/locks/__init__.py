"""Preregistration: what was fixed before the first trial, hashed, and held against later."""
