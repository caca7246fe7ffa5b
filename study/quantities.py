"""Counts, sizes, times and levels in words, for reasons and sentences."""

from collections.abc import Sequence


def count(n: int, noun: str) -> str:
    """A number with its noun, such as `1 trial` or `10,000 trials`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def points(value: float) -> str:
    """A size that someone declared, such as `1 point` or `0.5 points`."""
    return f"{value:g} point" if value == 1 else f"{value:g} points"


def duration(seconds: float) -> str:
    """A length of time for people, such as `1 h 05 min`, `3 min 20 s` or `12 s`."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def level(value: str | float) -> str:
    """A level as people write it: reals with three digits, flags in lower case."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def sides(factor: str, first: str | float, second: str | float) -> tuple[str, str]:
    """Two levels in words; numbers and flags say nothing without their factor."""
    if isinstance(first, str) and isinstance(second, str):
        return first, second
    return f"{factor} {level(first)}", level(second)


def listed(parts: Sequence[str]) -> str:
    """Parts of a sentence joined as in `a, b and c`."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def some_of(names: Sequence[str], most: int = 4) -> str:
    """Names as in `a, b and 3 others`, at most `most` of them."""
    if len(names) <= most:
        return listed(names)
    return listed([*names[: most - 1], f"{len(names) - most + 1} others"])


def capital(words: str) -> str:
    """The words as a sentence begins, where they are plain ones and not an identifier."""
    head = words.partition(" ")[0]
    return words[0].upper() + words[1:] if head.isalpha() and head.islower() else words
