"""Simulated studies with known truth: the judge of `study.analysis`."""
