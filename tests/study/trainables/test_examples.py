import numpy as np
import pytest

from study.errors import StudyFileError
from study.trainables.examples import Examples, fold_examples, read_examples
from tests.study.trainable import forgotten


@pytest.fixture
def read(tmp_path):
    def call(body):
        (tmp_path / "mine.py").write_text(f"import numpy\ndef labels():\n    return {body}\n")
        with forgotten("mine"):
            return read_examples("mine:labels", str(tmp_path))

    return call


def test_labels_are_any_values_of_one_kind(read):
    found = read("['cat', 'dog', 'cat']")
    assert found.labels.tolist() == [0, 1, 0]
    assert found.names == ["cat", "dog"]
    assert found.groups is None
    assert read("numpy.array([True, False])").labels.tolist() == [1, 0]
    assert read("([1, 2], ['a', 'a'])").groups.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("None", "returned no labels; expected one number or text for each example"),
        ("[]", "returned no labels"),
        ("[[1, 2]]", "returned no labels"),
        ("[1, [2]]", "returned no labels"),
        ("[1.0, float('nan')]", "returned no labels"),
        ("([1, 2], [1])", "2 labels and 1 groups"),
        ("([1, 2], 3)", "returned no groups"),
        ("1 / 0", r"failed \(ZeroDivisionError: division by zero \(mine.py:3\)\)"),
    ],
)
def test_what_are_no_examples_is_told_in_a_line(read, body, says):
    with pytest.raises(StudyFileError, match=says) as told:
        read(body)
    assert "\n" not in str(told.value)


def test_no_group_is_parted_and_every_fold_has_every_label():
    groups = np.repeat(np.arange(30), 4)
    labels = groups % 3
    examples = Examples(labels, ["a", "b", "c"], groups)
    folds, summary = fold_examples(examples, 5, seed=0, function="mine:labels")
    for fold in range(5):
        held_out, train = folds.held_out(fold), folds.trained_on(fold)
        assert not set(groups[held_out]) & set(groups[train])
        assert set(labels[held_out]) == {0, 1, 2}
        assert len(held_out) + len(train) == 120
    assert summary["how"] == (
        "5 folds of 120 examples of mine:labels, 24 each (groups stay together)"
    )


def test_the_same_examples_and_seed_give_the_same_folds():
    examples = Examples(np.zeros(20, dtype=np.int64), ["0"], None)
    first, second, other = (
        fold_examples(examples, 4, seed=seed, function="f")[1]["digest"] for seed in (1, 1, 2)
    )
    assert first == second != other


def test_a_label_in_fewer_groups_than_folds_is_told():
    examples = Examples(np.array([0, 0, 0, 1, 1]), ["0", "rare"], None)
    with pytest.raises(StudyFileError, match="label rare lies in 2 examples, fewer than the 3"):
        fold_examples(examples, 3, seed=0, function="mine:labels")
