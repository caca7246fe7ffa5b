"""Checks with names: what is wrong with a study, or could be better, each with its code."""
