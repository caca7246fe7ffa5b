"""The canonical form once more, from docs/locks.md alone: no line of the tool's, no `json`."""

import hashlib
import math
from typing import Any

SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def written(value: Any, version: str = "2") -> str:
    """A value that `tomllib` read, in canonical form."""
    if value is True or value is False:
        return str(value).lower()
    if isinstance(value, str):
        return quoted("'" + value if version == "2" and is_like_a_number(value) else value)
    if isinstance(value, int | float):
        return quoted(digits(value))
    if isinstance(value, list):
        return f"[{','.join(written(inner, version) for inner in value)}]"
    in_order = sorted(value, key=lambda key: key.encode("utf-16-be"))
    inside = (f"{quoted(key)}:{written(value[key], version)}" for key in in_order)
    return "{" + ",".join(inside) + "}"


def is_like_a_number(text: str) -> bool:
    """Digits, perhaps a point and more of them, perhaps `-` before, behind any number of `'`."""
    whole, point, part = text.lstrip("'").removeprefix("-").partition(".")
    each = [whole, part] if point else [whole]
    return all(part and set(part) <= set("0123456789") for part in each)


def quoted(text: str) -> str:
    each = (SHORT.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in text)
    return f'"{"".join(each)}"'


def digits(number: float) -> str:
    """By moving the point of the shortest digits."""
    if number == 0:
        return "0"
    sign = "-" if math.copysign(1, number) < 0 else ""
    if isinstance(number, int):
        return f"{sign}{abs(number)}"
    mantissa, _, exponent = repr(abs(number)).partition("e")
    whole, _, part = mantissa.partition(".")
    point = len(whole) + int(exponent or 0)
    every = whole + part
    every, point = "0" * max(0, -point) + every, max(point, 0)
    every = every.ljust(point, "0")
    whole, part = every[:point].lstrip("0") or "0", every[point:].rstrip("0")
    return sign + whole + (f".{part}" if part else "")


def hashed(value: Any, version: str = "2") -> str:
    return hashlib.sha256(written(value, version).encode()).hexdigest()
