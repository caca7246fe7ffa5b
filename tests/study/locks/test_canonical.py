import hashlib
import json
import math
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.locks.canonical import canonical, digest, in_digits, stated
from tests.study.locks.second import digits, hashed, written

VECTORS = json.loads(
    (Path(__file__).parents[3] / "docs" / "lock-vectors.json").read_text(encoding="utf-8")
)


def test_there_are_at_least_twenty_vectors():
    assert len(VECTORS) >= 20
    assert len({(vector["toml"], vector["version"]) for vector in VECTORS}) == len(VECTORS)
    assert {vector["version"] for vector in VECTORS} == {"1", "2"}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["what"])
def test_two_programs_write_a_vector_alike(vector):
    value, version = tomllib.loads(vector["toml"]), vector["version"]
    told = stated(value, version=version)
    assert written(value, version) == vector["canonical"]
    assert canonical(told).decode() == vector["canonical"]
    assert hashed(value, version) == digest(told) == vector["sha256"]
    assert hashlib.sha256(vector["canonical"].encode()).hexdigest() == vector["sha256"]


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_a_number_has_one_text_that_reads_back(number):
    text = in_digits(number)
    assert text == digits(number)
    assert "e" not in text
    assert float(text) == number if isinstance(number, float) else int(text) == number


@given(
    st.recursive(
        st.booleans()
        | st.text(st.characters(exclude_categories=["Cs"]))
        | st.text("'-.019")
        | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("azAZ_-09"), inner),
    )
)
def test_two_programs_write_any_value_alike(value):
    assert canonical(stated(value)).decode() == written(value)


@pytest.mark.parametrize("value", [None, {"a": [None]}, object()])
def test_what_no_study_file_holds_is_refused(value):
    with pytest.raises(TypeError, match="cannot be locked"):
        stated(value)


def test_no_number_is_left_for_two_programs_to_write_differently():
    assert stated({"a": [1, 2.5, {"b": math.pi}], "c": True}) == {
        "a": ["1", "2.5", {"b": "3.141592653589793"}],
        "c": True,
    }


@pytest.mark.parametrize("text", ["1", "-2", "0.5", "'1", "''0.5"])
def test_a_text_that_looks_like_a_number_is_another_value_than_the_number(text):
    assert stated(text) == f"'{text}"
    assert stated(text, version="1") == text
    assert len({digest(stated(x)) for x in ("1", 1, "'1", "''1")}) == 4


@pytest.mark.parametrize("text", ["", "-", ".", "1.", ".5", "1e3", "+1", "1 ", "٣", "a1", "'"])
def test_any_other_text_stands_as_it_is(text):
    assert stated(text) == text
