"""Classes that a data root names itself, where it is no folder of folders."""

from pathlib import Path

import pandas as pd
import pytest

from agecls.classes import DECADES, Classes
from agecls.data.loading import Reading, load_data
from agecls.data.records import own_classes, read_records
from agecls.errors import DataLayoutError
from tests.agecls.pictures import write_picture

ANIMALS = ("cat", "dog", "emu")


def write_table(path: Path, columns: dict[str, list[str]]) -> Path:
    frame = pd.DataFrame(columns)
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    return path


def draw_pictures(root: Path, n: int = 12) -> list[str]:
    return [
        write_picture(root / "img" / f"{k}.png", seed=k).relative_to(root).as_posix()
        for k in range(n)
    ]


@pytest.mark.parametrize("name", ["labels.csv", "labels.parquet"])
@pytest.mark.parametrize("is_folder", [False, True])
def test_the_labels_of_one_table_are_the_classes(
    tmp_path: Path, name: str, is_folder: bool
) -> None:
    root = tmp_path / "set"
    paths = draw_pictures(root)
    table = write_table(
        root / name, {"path": paths, "label": ["emu", "cat", "dog"] * 4, "shape": ["x"] * 12}
    )
    given = root if is_folder else table
    classes = own_classes(given)
    assert classes == Classes(ANIMALS, None, is_ordered=False)
    assert read_records(given, classes=classes).frame["label"].tolist() == [2, 0, 1] * 4
    data = load_data(given, Reading(size=8, classes=classes))
    assert len(data.images) == 12


def test_tables_by_split_tell_classes_together_and_numbers_come_by_value(tmp_path: Path) -> None:
    paths = draw_pictures(tmp_path)
    write_table(tmp_path / "train.csv", {"path": paths[:8], "label": ["10", "9"] * 4})
    write_table(tmp_path / "val.csv", {"path": paths[8:], "label": ["9", "x"] * 2})
    classes = own_classes(tmp_path)
    assert classes is not None
    assert classes.names == ("9", "10", "x")
    records = read_records(tmp_path, classes=classes)
    assert records.frame["label"].tolist() == [1, 0] * 4 + [0, 2] * 2


def test_labels_that_are_years_apart_are_ages_and_ages_are_no_labels(tmp_path: Path) -> None:
    paths = draw_pictures(tmp_path)
    some = [DECADES.names[k % 8] for k in range(12)]
    table = write_table(tmp_path / "t.csv", {"path": paths, "group": some, "age": ["31"] * 12})
    assert own_classes(tmp_path / "{group}") == DECADES
    assert own_classes(table / "{group}") == DECADES
    assert own_classes(tmp_path) is None
    assert own_classes(tmp_path / "nowhere") is None


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_column_is_asked_for_behind_the_path(tmp_path: Path, name: str) -> None:
    root = tmp_path / "set"
    paths = draw_pictures(root)
    columns = {"path": paths, "label": ["a"] * 12, "Seen": [str(k + 20) for k in range(12)]}
    table = write_table(root / name, columns)
    for asked in (root / "{seen}", table / "{Seen}"):
        records = read_records(asked)
        assert records.frame["years"].tolist() == list(range(20, 32))
        assert records.layout == "table"
    assert read_records(root).frame["label"].tolist() == [0] * 12
    with pytest.raises(DataLayoutError, match="has no column `shape`; its columns are path"):
        read_records(table / "{shape}")
    with pytest.raises(DataLayoutError, match=r"\{shape\} asks for a column of .*; expected one"):
        read_records(root / "{shape}")


def test_a_column_of_one_of_two_tables_is_found_and_of_two_is_refused(tmp_path: Path) -> None:
    paths = draw_pictures(tmp_path)
    write_table(tmp_path / "one.csv", {"path": paths, "kind": ["a", "b"] * 6})
    write_table(tmp_path / "two.csv", {"path": paths, "label": ["a", "b"] * 6})
    assert read_records(tmp_path / "{kind}").frame["label"].tolist() == [0, 1] * 6
    write_table(tmp_path / "two.csv", {"path": paths, "kind": ["b", "a"] * 6})
    with pytest.raises(DataLayoutError, match=r"only one table, or one a split, .*: give that"):
        read_records(tmp_path / "{kind}")
