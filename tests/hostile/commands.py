"""Commands run in this process, and data that none of them can do its work on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agecls.pictures import family_rows, write_family_csv, write_family_set, write_picture

Command = Callable[[list[str]], int]


def status_and_line(
    command: Command, words: list[str], capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    """The exit status and standard error, one line after any notes if the command failed."""
    capsys.readouterr()
    try:
        status = command(words)
    except SystemExit as end:  # argparse
        status = int(end.code or 0)
    complaint = capsys.readouterr().err
    assert "Traceback" not in complaint
    if status in (1, 2):
        assert complaint.endswith("\n")
        *notes, line = complaint[:-1].split("\n")
        assert all(note.startswith("note: ") for note in notes), complaint
        assert all(map(str.isprintable, (*notes, line))), complaint
    return status, complaint


def empty_folder(root: Path) -> None:
    root.mkdir()


def one_class(root: Path) -> None:
    write_family_set(root, "train", family_rows(4, letters="a"))
    write_family_set(root, "val", family_rows(2, first=9, letters="ab"))


def one_person(root: Path) -> None:
    for number, letter in enumerate("abcd"):
        write_picture(root / f"F0001_AGE_D_30_{letter}1.jpg", number)


def unknown_classes(root: Path) -> None:
    write_family_set(root, "train", [[*row[:2], "k", row[3]] for row in family_rows(2)])


def only_val(root: Path) -> None:
    write_family_set(root, "val", family_rows(2))


def pictures_of_nothing(root: Path) -> None:
    for letter in "ab":
        (root / letter).mkdir(parents=True)
        (root / letter / "x.jpg").write_bytes(b"no picture")


def rows_without_files(root: Path) -> None:
    write_family_csv(root, "train", family_rows(2))


def garbage_table(root: Path) -> None:
    root.mkdir()
    (root / "labels.csv").write_bytes(bytes(range(256)) * 9)


def utf_16_without_a_mark(root: Path) -> None:
    root.mkdir()
    (root / "labels.csv").write_bytes("path,label\n1.png,a\n".encode("utf-16-le"))


def a_link_to_itself(root: Path) -> None:
    root.symlink_to(root.name)


def duplicates_that_disagree(root: Path) -> None:
    write_family_set(root, "train", family_rows(2), seeds=[0] * 8)
    write_family_set(root, "val", family_rows(1, first=9))


BAD_DATA = (
    empty_folder, one_class, one_person, unknown_classes, only_val, pictures_of_nothing,
    rows_without_files, garbage_table, utf_16_without_a_mark, a_link_to_itself,
    duplicates_that_disagree,
)  # fmt: skip
