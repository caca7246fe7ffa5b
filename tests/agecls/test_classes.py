import ast
import pickle
from pathlib import Path

import pytest

from agecls.classes import EIGHT, Classes

ANIMALS = Classes(("Cat", "dog", "emu"), None, False)
DECADES = Classes(("child", "teen", "grown"), ((0, 9), (13, 19), (20, 120)), True)


def test_the_eight_are_letters_with_years_up_to_eighty():
    assert "".join(EIGHT.names) == "abcdefgh"
    assert EIGHT.captions[3] == "d 20-30"
    assert EIGHT.midpoints is not None
    assert EIGHT.midpoints[:2] == (3.0, 9.5)
    assert [EIGHT.of_years(y) for y in range(81)] == sorted(EIGHT.of_years(y) for y in range(81))
    assert EIGHT.of_years(81) is None


def test_an_age_in_a_gap_has_no_class():
    assert [DECADES.of_years(age) for age in (9, 10, 12, 13, 120, 121)] == [
        0, None, None, 1, 2, None,
    ]  # fmt: skip


def test_classes_that_are_no_ages_are_called_by_their_names_alone():
    assert ANIMALS.captions == ANIMALS.names
    assert ANIMALS.midpoints is None
    assert ANIMALS.of_years(3) is None
    assert ANIMALS.columns == ("p_Cat", "p_dog", "p_emu")


def test_a_name_is_found_in_either_case():
    assert [ANIMALS.of_name(text) for text in ("cat", " CAT ", "emu", "ape")] == [0, 0, 2, None]


def test_the_names_of_the_eight_mean_the_eight():
    assert Classes.from_names(list("abcdefgh")) == EIGHT
    assert Classes.from_names(["Cat", "dog", "emu"]) == ANIMALS


@pytest.mark.parametrize(
    ("names", "years", "is_ordered", "words"),
    [
        (("a",), None, False, "two or more"),
        (("a", "a"), None, False, "each once"),
        (("a", "b"), ((0, 9),), True, "oldest of 2 classes"),
        (("a", "b"), ((0, 9), (9, 12)), True, "each above the one before"),
        (("a", "b"), ((9, 0), (10, 12)), True, "each above the one before"),
        (("a", "b"), ((0, 9), (10, 12)), False, "ordered"),
    ],
)
def test_what_no_data_can_have_is_refused(names, years, is_ordered, words):
    with pytest.raises(ValueError, match=words):
        Classes(names, years, is_ordered)


def test_classes_are_equal_by_value_wherever_they_travelled():
    assert ANIMALS.captions  # what is derived may be kept
    assert pickle.loads(pickle.dumps(ANIMALS)) == Classes(("Cat", "dog", "emu"), None, False)


NAME_THE_EIGHT = {
    "agecls/audit/findings.py": "where classes enter, and others may be asked for",
    "agecls/command.py": "sets of classes that a command line names",
    "agecls/data/loading.py": "where classes enter, and others may be asked for",
    "agecls/data/records.py": "likewise",
    "agecls/data/whole_set.py": "likewise",
    "agecls/faces/face_set.py": "draws faces of these ages",
    "agecls/nets/families.py": "width of a head that nobody asked for",
    "agecls/use/onnx_model.py": "draws faces of eight ages to check an export on",
    "study/cost/measured.py": "times steps on pixels that mean nothing",
    "study/asked/class_words.py": "a study file that asks for no classes",
    "study/asked/study.py": "likewise",
    "study/asked/study_text.py": "not in the texts of older studies",
    "study/folder/columns.py": "tables that name no classes",
    "study/trainables/study_faces.py": "classes that the data are to name",
    "study/stages/elsewhere.py": "weights that name no classes",
    "study/report/confirm/class_accuracy.py": "a folder may have no predictions",
}
"""Where a default enters; all else takes the classes from the data, or N from an array."""


def test_only_those_name_the_eight_who_give_the_default():
    house = Path(__file__).parents[2]
    naming = {
        path.relative_to(house).as_posix()
        for path in [*house.glob("agecls/**/*.py"), *house.glob("study/**/*.py")]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and node.module == "agecls.classes"
        and {name.name for name in node.names} - {"Classes", "Years"}
    }
    assert naming == set(NAME_THE_EIGHT)
