from pathlib import Path

import pandas as pd
import pytest

from agecls.data.label_files import read_table
from agecls.errors import DataLayoutError


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_korean_text_reads_alike_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    text = "Path,Label\n딸_1.jpg,a\n"
    table = read_table(written(tmp_path / "t.csv", text.encode(encoding)))
    assert table.columns == {"path": ["딸_1.jpg"], "label": ["a"]}


def test_rows_are_numbered_as_a_spreadsheet_does_with_the_header_as_row_1(tmp_path: Path) -> None:
    data = b'path,label\nx.jpg,a\n\n"two\nlines.jpg",b\n'
    table = read_table(written(tmp_path / "t.csv", data))
    assert table.columns["path"] == ["x.jpg", "two\nlines.jpg"]
    assert table.where() == ["t.csv, row 2", "t.csv, row 4"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_the_header_s_most_frequent_one(tmp_path: Path, delimiter: str) -> None:
    data = f"path{delimiter}label\n1.jpg{delimiter}c\n".encode()
    assert read_table(written(tmp_path / "t.csv", data)).columns["label"] == ["c"]


def test_names_that_look_like_missing_values_stay_text(tmp_path: Path) -> None:
    table = read_table(written(tmp_path / "t.csv", b"path,person\nNA,nan\n"))
    assert table.columns == {"path": ["NA"], "person": ["nan"]}


def test_rows_of_another_length_are_set_apart_with_their_number(tmp_path: Path) -> None:
    table = read_table(written(tmp_path / "t.csv", b"path,label\nx.jpg,a,b\ny.jpg,a\nz\n"))
    assert table.columns["path"] == ["y.jpg"]
    assert table.uneven == {
        2: "the row has 3 fields, the header 2",
        4: "the row has 1 fields, the header 2",
    }


def test_a_quote_that_is_never_closed_is_an_error_not_one_long_row(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", b'path,label\nx.jpg,a\n"y.jpg,b\nz.jpg,c\n')
    with pytest.raises(DataLayoutError, match=r"t\.csv in .*, line 4: .*check the quotes"):
        read_table(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty or begins with an empty line"),
        (b"\nx,a\n", "is empty or begins with an empty line"),
        (b"path, Path\nx,y\n", "two columns `path`"),
        (b"path,label\n\xff\xff\xff", "neither UTF-8 nor CP949"),
        (b"path,label\n" + b"x" * 200_000 + b",a\n", "field larger than field limit"),
    ],
)
def test_a_csv_that_is_no_table_is_an_error(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(DataLayoutError, match=message):
        read_table(written(tmp_path / "t.csv", data))


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataLayoutError, match="No such file"):
        read_table(tmp_path / "t.csv")


def test_parquet_keeps_its_types_and_counts_rows_from_1(tmp_path: Path) -> None:
    pd.DataFrame({"Path": ["x", None], "age": [3, 4]}).to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert table.columns["age"] == [3, 4]
    assert table.columns["path"][0] == "x"
    assert table.where() == ["t.parquet, row 1", "t.parquet, row 2"]


def test_a_damaged_parquet_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataLayoutError, match="not a parquet file that can be read"):
        read_table(written(tmp_path / "t.parquet", b"PAR1 and no more"))
