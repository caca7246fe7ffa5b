"""Trials run, and each epoch is on record before the next one starts."""
