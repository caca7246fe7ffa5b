"""Classes of a study: `[classes]` in its file, and what the command line puts in their place."""

from dataclasses import asdict
from pathlib import Path

import pytest

from agecls.classes import DECADES, EIGHT, Classes
from study.asked.study_file import dump_study, is_safe_change, load_study, study_diff
from study.asked.study_text import lasting
from study.errors import StudyFileError

PLAIN = """
[study]
trials = 4
epochs = 2
{study}
[data]
path = "zoo"
size = 16
[factors.lr]
role = "tuned"
levels = [0.01, 0.1]
{more}
"""
ANIMALS = Classes(("cat", "dog", "emu"), None, is_ordered=False)


def study_of(folder: Path, more="", *, study="", **overrides):
    path = folder / "s.toml"
    path.write_text(PLAIN.format(more=more, study=study))
    return load_study(path, overrides=overrides)


@pytest.mark.parametrize(
    ("table", "classes"),
    [
        ("", EIGHT),
        ('names = ["cat", "dog", "emu"]', ANIMALS),
        ('names = ["s", "m", "l"]\nordered = true', Classes(("s", "m", "l"), None, True)),
        ("years = [[0, 9], [13, 19]]", Classes(("0-9", "13-19"), ((0, 9), (13, 19)), True)),
        (
            'names = ["kid", "teen"]\nyears = [[0, 9], [13, 19]]',
            Classes(("kid", "teen"), ((0, 9), (13, 19)), True),
        ),
        ('names = ["a", "b", "c", "d", "e", "f", "g", "h"]', EIGHT),
    ],
)
def test_a_study_file_says_its_classes_and_its_text_gives_them_back(tmp_path, table, classes):
    study = study_of(tmp_path, f"[classes]\n{table}" if table else "")
    assert study.classes == classes
    text = dump_study(study)
    (tmp_path / "again.toml").write_text(text)
    assert load_study(tmp_path / "again.toml") == study
    assert ("[classes]" in text) == (classes != EIGHT)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("", "[classes]: it says nothing; add `names`, or `years` of each class"),
        (
            'names = ["cat"]',
            "[classes] names: a list of 1 is not what belongs here; expected at least 2 items",
        ),
        ('names = ["cat", "cat"]', "expected two or more, each once; correct it"),
        ("years = [[0, 9], [5, 19]]", "each above the one before; correct it"),
        ("years = [[0, 9], [12]]", "[classes] years: each item is two ages, as in [13, 19]"),
        ("years = [[0, 9], [12, 14]]\nordered = false", "[classes] ordered: ages have an order"),
        ('name = ["cat", "dog"]', "did you mean `names`?"),
    ],
)
def test_classes_that_no_data_can_have_are_refused_in_one_line(tmp_path, table, problem):
    with pytest.raises(StudyFileError) as refused:
        study_of(tmp_path, f"[classes]\n{table}")
    assert problem in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_command_line_puts_others_in_their_place(tmp_path):
    animals = '[classes]\nnames = ["cat", "dog", "emu"]'
    assert study_of(tmp_path, animals, classes="decades").classes == DECADES
    assert study_of(tmp_path, animals, classes="eight").classes == EIGHT
    assert study_of(tmp_path, classes=ANIMALS).classes == ANIMALS
    (tmp_path / "own.toml").write_text(animals)
    assert study_of(tmp_path, classes=str(tmp_path / "own.toml")).classes == ANIMALS


@pytest.mark.parametrize(
    ("words", "text", "problem"),
    [
        ("elven", None, "'elven' is none of eight, decades, folders and no file"),
        ("own.toml", "[data]", "has no [classes]; add it"),
        ("own.toml", "cat\ndog", "is not TOML"),
    ],
)
def test_words_that_mean_no_classes_are_refused(tmp_path, monkeypatch, words, text, problem):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path(words).write_text(text)
    with pytest.raises(StudyFileError) as refused:
        study_of(tmp_path, classes=words)
    assert problem in str(refused.value)
    assert str(refused.value).startswith("--classes: ")


def test_a_study_goes_on_with_its_own_classes_only(tmp_path):
    old, new = study_of(tmp_path), study_of(tmp_path, classes="decades")
    assert not is_safe_change(old, new)
    assert any(line.startswith("[classes] years: ") for line in study_diff(old, new))
    assert "[classes] years" in lasting(new)
    assert not any("classes" in place for place in lasting(old))


@pytest.mark.parametrize(
    ("more", "study", "problem"),
    [
        ("", 'metric = "val_qwk"', "[study] metric: val_qwk weighs distances"),
        ('[factors.loss]\nrole = "fixed"\nvalue = "corn"', "", "[factors.loss] value: 'corn'"),
        (
            '[factors.loss]\nrole = "tuned"\nlevels = ["focal", "soft_ordinal"]',
            "",
            "[factors.loss] levels: 'soft_ordinal' learns an order",
        ),
    ],
)
def test_what_asks_for_an_order_is_refused_where_there_is_none(tmp_path, more, study, problem):
    names = '[classes]\nnames = ["cat", "dog", "emu"]'
    with pytest.raises(StudyFileError, match="these classes have no order") as refused:
        study_of(tmp_path, f"{more}\n{names}", study=study)
    assert problem in str(refused.value)
    assert study_of(tmp_path, f"{more}\n{names}\nordered = true", study=study)
    assert study_of(tmp_path, more, study=study)


def test_a_study_whose_classes_the_data_name_asks_who_reads_them(tmp_path):
    asked = []

    def read(data):
        asked.append(data)
        return ANIMALS

    (tmp_path / "s.toml").write_text(PLAIN.format(more='[classes]\nof = "folders"', study=""))
    found = load_study(tmp_path / "s.toml", overrides={"data": "farm"}, of_folders=read)
    assert (found.classes, asked) == (ANIMALS, ["farm"])
    assert 'names = ["cat", "dog", "emu"]' in dump_study(found)
    (tmp_path / "s.toml").write_text(PLAIN.format(more="", study=""))
    given = {"classes": "folders"}
    assert load_study(tmp_path / "s.toml", overrides=given, of_folders=read).classes == ANIMALS


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("", "[classes] of: nobody reads the data here; write `names`"),
        ('names = ["a", "b"]', "[classes] of: the data say everything else; drop what stands"),
    ],
)
def test_classes_of_the_data_that_cannot_be_read_are_refused(tmp_path, more, problem):
    with pytest.raises(StudyFileError) as refused:
        study_of(tmp_path, f'[classes]\nof = "folders"\n{more}')
    assert problem in str(refused.value)


@pytest.mark.parametrize("names", [[f"c{n}" for n in range(1001)], ["cat", "d\udceag"]])
def test_data_that_name_what_no_file_can_hold_are_refused(tmp_path, names):
    (tmp_path / "s.toml").write_text(PLAIN.format(more='[classes]\nof = "folders"', study=""))
    with pytest.raises(
        StudyFileError, match=r"\[classes\] of: the data name .* 2 to 1,000"
    ) as told:
        load_study(tmp_path / "s.toml", of_folders=lambda data: Classes(tuple(names), None, False))
    assert str(told.value).isprintable()


OTHERS = '[claims.hold]\ntext = "They hold"\ndrop_at_most = 5\n'


def test_a_study_of_pictures_that_are_no_faces_has_no_word_of_faces(tmp_path):
    of_faces = study_of(tmp_path, OTHERS)
    of_pictures = study_of(tmp_path, '[classes]\nnames = ["cat", "dog", "emu"]\n' + OTHERS)
    assert of_faces.question == "Which factors of training matter on these faces?"
    assert of_pictures.question == "Which factors of training matter on these pictures?"
    assert of_faces.claims[0].whether().endswith("5 points on other faces")
    assert of_pictures.claims[0].whether().endswith("5 points on other pictures")
    # the claim is the same: what is hashed is what was declared
    assert asdict(of_faces.claims[0]) == asdict(of_pictures.claims[0])
