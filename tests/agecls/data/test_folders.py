import os
import unicodedata
from pathlib import Path

import pytest

from agecls.data.folders import (
    FilesByEnd,
    Listing,
    images_below,
    split_of_name,
    split_of_table,
    splits_of_path,
    summarised,
    unread_files,
)
from tests.agecls.pictures import write_picture


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("Training", "train"),
        ("TRAIN", "train"),
        ("dev", "val"),
        ("Validation", "val"),
        ("testing", "test"),
        ("test_images", "test"),
        ("Val Set", "val"),
        ("trainset", "train"),
        ("images-train", "train"),
        ("train2", "train"),
        ("Dev_Patel", None),
        ("contest", None),
        ("trainval", None),
        ("test_val", None),
        ("", None),
    ],
)
def test_a_folder_s_name_tells_a_split_only_if_it_says_nothing_else(name, split):
    assert split_of_name(name) == split


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("labels_train.csv", "train"),
        ("imdb_valid_new_1024.csv", "val"),
        ("Test.csv", "test"),
        ("train_val.csv", None),
        ("labels.csv", None),
    ],
)
def test_a_table_s_name_tells_its_split_by_one_word(name, split):
    assert split_of_table(name) == split


def test_all_folders_of_a_path_are_asked_and_its_file_is_not():
    assert splits_of_path("a/Train/b/test.jpg") == {"train"}
    assert splits_of_path("train/a/dev/1.jpg") == {"train", "val"}
    assert splits_of_path("test.jpg") == set()


def test_folders_that_are_linked_with_each_other_have_an_end(tmp_path):
    for one, other in (("a", "b"), ("b", "c"), ("c", "a")):
        write_picture(tmp_path / "set" / one / "1.jpg")
        (tmp_path / "set" / one / "next").symlink_to(tmp_path / "set" / other)
    (tmp_path / "set" / "a" / "self").symlink_to("self")
    found = images_below(tmp_path / "set", ["a"], depth=None)
    assert found == ["a/1.jpg", "a/next/1.jpg", "a/next/next/1.jpg"]


def test_a_link_to_the_root_is_not_followed_from_a_folder_in_it(tmp_path):
    write_picture(tmp_path / "a" / "1.jpg")
    write_picture(tmp_path / "d" / "2.jpg")
    (tmp_path / "d" / "up").symlink_to("..")
    assert images_below(tmp_path, ["d"], depth=None) == ["d/2.jpg"]


def test_what_computers_leave_beside_pictures_is_passed_over(tmp_path):
    for name in ("__MACOSX/1.jpg", "a/@eaDir/1.jpg/THUMB.jpg", ".git/1.jpg", "a/._2.jpg"):
        write_picture(tmp_path / name)
    assert images_below(tmp_path, [""], depth=None) == []
    assert unread_files(tmp_path, ()) == []


def test_unread_files_are_counted_by_folder_and_ending(tmp_path):
    for name in ("a/1.jpg", "b/2.JPG", "b/deep/3.jpg", "b/list.txt", "LICENSE"):
        write_picture(tmp_path / name)
    unread = unread_files(tmp_path, {"a/1.jpg"})
    assert unread == ["LICENSE", "b/2.JPG", "b/deep/3.jpg", "b/list.txt"]
    assert summarised(unread) == "1 without an ending, b/ (2 .jpg and 1 .txt)"
    assert summarised([f"{n}/x.jpg" for n in range(9)], most=2) == (
        "0/ (1 .jpg), 1/ (1 .jpg), and 7 more folders"
    )


def test_a_path_finds_the_only_file_that_is_spelled_nearly_so(tmp_path):
    decomposed = unicodedata.normalize("NFD", "딸.jpg")
    write_picture(tmp_path / "Train" / decomposed)
    write_picture(tmp_path / "Train" / "1.JPG")
    listing = Listing(tmp_path)
    assert listing.look_up("Train/1.JPG").problem is None
    assert listing.look_up("train/1.jpg") == ("Train/1.JPG", None, True)
    assert listing.look_up(r"Train\1.JPG") == ("Train/1.JPG", None, True)
    assert listing.look_up("Train/딸.jpg") == (f"Train/{decomposed}", None, True)


def test_a_path_that_finds_no_file_says_which_it_is(tmp_path):
    write_picture(tmp_path / "a.jpg")
    write_picture(tmp_path / "A.JPG")
    if not (tmp_path / "a.jpg").exists() or len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this file system does not know capitals from small letters")
    write_picture(tmp_path / "b.png")
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "4.heic").write_bytes(b"")
    listing = Listing(tmp_path)
    reasons = {
        "A.jpg": "2 names are spelled nearly so: A.JPG, a.jpg; write one",
        "b.jpg": "there is no such file, only b.png",
        "c.jpg": "there is no such file",
        "none/b.png": "there is no such file",
        "gone.jpg": "it is a link that leads nowhere",
        "folder.jpg": "it is a folder, not a file",
        "4.heic": "a .heic file is not opened here; convert it to JPEG or PNG",
    }
    assert {path: listing.look_up(path).problem for path in reasons} == reasons


@pytest.fixture
def locked(tmp_path, monkeypatch):
    """A folder that may not be read in a data root."""
    write_picture(tmp_path / "locked" / "1.jpg")
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    # not chmod, which does not bind the superuser
    monkeypatch.setattr(os, "scandir", refusing)
    return tmp_path


def test_a_folder_that_may_not_be_read_counts_as_one_that_nobody_read(locked):
    write_picture(locked / "a" / "1.jpg")
    assert unread_files(locked, {"a/1.jpg"}) == ["locked/"]
    assert summarised(["locked/"]) == "locked/ (1 folder that may not be read)"
    assert FilesByEnd(locked).ending_with("1.jpg") == ["a/1.jpg"]
    with pytest.raises(PermissionError):
        images_below(locked, [""], depth=None)


def test_a_path_in_a_folder_that_may_not_be_read_names_it(locked):
    found = Listing(locked).look_up("locked/1.jpg")
    assert found.problem == "its folder locked may not be read by this user"


def test_files_are_found_by_the_last_parts_of_their_paths(tmp_path):
    for name in ("x/1.JPG", "y/1.jpg", "y/2.jpg"):
        write_picture(tmp_path / name)
    files = FilesByEnd(tmp_path)
    assert files.ending_with("1.jpg") == ["x/1.JPG", "y/1.jpg"]
    assert files.ending_with("Y\\2.jpg") == ["y/2.jpg"]
    assert files.ending_with("x/2.jpg") == []
