"""The one form of a value that is hashed, as docs/locks.md says it.

It is JSON in the form of RFC 8785 (JCS) with less in it: objects, lists, texts, true and false. A
number is a text in decimal digits, so that no two programs can write it differently; null is not
there, for what is not said is left out.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

VERSION: Final = "2"
"""Of the form that new locks have."""

READ: Final = ("1", VERSION)
"""Versions that are read. In the first, a text such as "1" looked like the number."""

_LIKE_A_NUMBER: Final = re.compile(r"'*-?[0-9]+(\.[0-9]+)?")


def stated(value: Any, *, version: str = VERSION) -> Any:
    """A value of a study file with its numbers as texts.

    Args:
        value: What a TOML reader gives.
        version: Of the form; from the second on a text that looks like a number has a `'` before
            it, so that the levels "1" and 1 are two.

    Raises:
        TypeError: It holds what no study file does.
    """
    if isinstance(value, str):
        is_marked = version != "1" and _LIKE_A_NUMBER.fullmatch(value)
        return f"'{value}" if is_marked else value
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return in_digits(value)
    if isinstance(value, Mapping):
        return {str(key): stated(inner, version=version) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [stated(inner, version=version) for inner in value]
    raise TypeError(f"{value!r} cannot be locked")


def in_digits(number: float) -> str:
    """A finite number in decimal digits without exponent or idle zeros: `0.003`, `-2`, `1`.

    Of a real these are the fewest digits that read back as the same 64 bits.
    """
    if isinstance(number, int):
        return str(number)
    text = format(Decimal(repr(number)).normalize(), "f")
    return "0" if text == "-0" else text


def canonical(value: Any) -> bytes:
    """The bytes that are hashed: keys in order, no space, UTF-8, fewest escapes.

    Args:
        value: Objects, lists, texts and flags only, keys of ASCII, as `stated` gives them.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def digest(value: Any) -> str:
    """SHA-256 of the canonical form, in 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value)).hexdigest()
