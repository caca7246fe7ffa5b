import os
import time
from pathlib import Path

import pytest

from agecls.errors import AgeclsError
from agecls.files import (
    cache_folder,
    new_folder_beside,
    publish,
    remove_abandoned,
    write_whole,
    writing_to,
)


def test_the_cache_is_agecls_cache_then_xdg_then_home(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/kim")
    monkeypatch.setenv("AGECLS_CACHE", "/own")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_folder() == Path("/own")
    monkeypatch.delenv("AGECLS_CACHE")
    assert cache_folder() == Path("/xdg/agecls")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path("/home/kim/.cache/agecls")


def test_a_cache_that_cannot_be_written_is_an_error_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = tmp_path / "file" / "cache"
    with (
        pytest.raises(AgeclsError, match=r"file/cache cannot be written: Not a dir.*AGECLS_CACHE"),
        writing_to(cache),
    ):
        write_whole(cache / "x", b"")


def test_a_written_file_replaces_the_old_one_and_leaves_nothing_beside(tmp_path: Path) -> None:
    write_whole(tmp_path / "deep" / "x", b"one")
    write_whole(tmp_path / "deep" / "x", b"two")
    assert (tmp_path / "deep" / "x").read_bytes() == b"two"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["x"]


def test_an_interrupted_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError("disk full")

    write_whole(tmp_path / "x", b"old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_whole(tmp_path / "x", b"new")
    assert (tmp_path / "x").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def publish_text(target: Path, text: str) -> None:
    with new_folder_beside(target) as folder:
        (folder / "text").write_text(text)
        publish(folder, target, is_whole=lambda path: (path / "text").read_text() != "damaged")


def test_the_first_whole_folder_stays_and_a_damaged_one_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "parent" / "pack"
    publish_text(target, "damaged")
    assert (target / "text").read_text() == "damaged"
    publish_text(target, "first")
    publish_text(target, "second")
    assert (target / "text").read_text() == "first"
    assert [path.name for path in target.parent.iterdir()] == ["pack"]


def test_only_unfinished_folders_older_than_a_day_are_abandoned(tmp_path: Path) -> None:
    yesterday = time.time() - 90_000
    for name in (".building-old", ".building-new", "finished"):
        (tmp_path / name / "new").mkdir(parents=True)
    for name in (".building-old", "finished"):
        os.utime(tmp_path / name, (yesterday, yesterday))
    remove_abandoned(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".building-new", "finished"]
