"""How often a property is tried, and what hostile input is made of."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

TRIED: Counter[str] = Counter()
"""Examples by profile, which the end of the session prints."""

Edit = tuple[str, float, float, int]
"""What is done to a file's bytes: kind, place and length as shares of the file, a byte."""


def cases(few: int, many: int) -> pytest.MarkDecorator:
    """Run a test with `n` set to few examples, and with many where slow tests are asked for."""
    slow = pytest.param(many, marks=pytest.mark.slow, id="many")
    return pytest.mark.parametrize("n", [pytest.param(few, id="few"), slow])


def try_out(n: int, check: Callable[..., None], **strategies: st.SearchStrategy[Any]) -> None:
    """Call `check` with `n` drawn examples; a failing one is made small and shown."""

    # without the phase that explains a failure, which takes longer than making it small
    phases = [phase for phase in Phase if phase is not Phase.explain]

    @settings(
        max_examples=n, deadline=None, phases=phases, suppress_health_check=list(HealthCheck)
    )
    @given(**strategies)
    def each(**drawn: Any) -> None:
        TRIED[check.__qualname__] += 1
        check(**drawn)

    each()


def is_one_line(message: str) -> bool:
    """Whether a message is a line that a terminal shows as it is."""
    return bool(message) and message.isprintable()


def memory(name: str) -> int:
    """Bytes of this process: VmRSS now, VmHWM at the peak."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(line for line in status.splitlines() if name in line).split()[1])


EDITS: st.SearchStrategy[list[Edit]] = st.lists(
    st.tuples(
        st.sampled_from(["set", "cut", "delete", "insert", "repeat", "swap bit"]),
        st.floats(0, 1, exclude_max=True),
        st.floats(0, 0.3),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=4,
)
"""Damage to a file: bytes changed, lost, added, moved, or all that follow them lost."""


def damaged(data: bytes, edits: list[Edit]) -> bytes:
    """The bytes after the edits, in their order."""
    for kind, at, share, byte in edits:
        start = int(at * len(data))
        end = start + max(1, int(share * len(data)))
        head, middle, tail = data[:start], data[start:end], data[end:]
        match kind:
            case "set":
                data = head + bytes([byte]) + data[start + 1 :]
            case "swap bit" if start < len(data):
                data = head + bytes([data[start] ^ 1 << byte % 8]) + data[start + 1 :]
            case "cut":
                data = head
            case "delete":
                data = head + tail
            case "insert":
                data = head + bytes([byte]) * len(middle) + middle + tail
            case "repeat":
                data = head + middle + middle + tail
    return data


FRAGMENTS = (
    "<script>alert(1)</script>", "</script>", "<img src=x onerror=alert(1)>", "<!--", "]]>",
    "\"'", "' onmouseover='alert(1)", "javascript:alert(1)", "&lt;", "&#x3c;b&#x3e;", "<b>",
    "{{7*7}}", "{%x%}", "%{y}", "$x^2$", "\n", "\r", "\t", "\x1b[31m", "\x7f", "\u202e", "\u2066",
    "\u200f", "\u200b", "\ufeff", "\u2028", "é", "한국", "😀", "a", "x.jpg", ",", ";", "=1+1", " ",
    "\\",
)  # fmt: skip
"""Parts of names that mean something to a page, a terminal, a spreadsheet or a template."""

NAMES = st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=5).map("".join)
"""Names made of these; none holds a slash of its own but in an end tag."""

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, 1, -1, 2**31, 2**63, -(2**63), 10**30]),
    st.floats(),
    NAMES,
    st.text(max_size=5),
)


def nested(
    scalars: st.SearchStrategy[Any], keys: st.SearchStrategy[str]
) -> st.SearchStrategy[Any]:
    """Values, and lists and tables of them, three deep."""
    found = scalars
    for _ in range(3):
        tables = st.dictionaries(keys, found, max_size=3)
        found = st.one_of(scalars, st.lists(found, max_size=3), tables)
    return found


JSON = nested(SCALARS, st.text(max_size=5))
"""Any value that JSON can hold."""
