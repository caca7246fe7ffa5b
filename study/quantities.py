"""Counts and sizes in words, for the reasons of the analysis and the sentences of the report."""


def count(n: int, noun: str) -> str:
    """A number with its noun, such as `1 trial` or `10,000 trials`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def points(value: float) -> str:
    """A size that someone declared, such as `1 point` or `0.5 points`."""
    return f"{value:g} point" if value == 1 else f"{value:g} points"
