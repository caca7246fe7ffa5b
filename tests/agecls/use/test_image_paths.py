import pytest

from agecls.errors import DataLayoutError
from agecls.use.image_paths import image_paths
from tests.agecls.pictures import write_picture


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.png", "a.JPG", "deep/er/c.webp", ".hidden.png", "notes.txt"):
        write_picture(tmp_path / "set" / name)
    (tmp_path / "set" / "folder.png").mkdir()
    (tmp_path / "empty").mkdir()
    return tmp_path


def test_a_folder_means_its_visible_images_at_every_depth_sorted(root):
    assert image_paths(["set"], []) == ["set/a.JPG", "set/b.png", "set/deep/er/c.webp"]


def test_a_file_is_taken_whatever_it_is_called_and_once(root):
    words = ["set/notes.txt", "set/b.png", "set/notes.txt"]
    assert image_paths(words, []) == ["set/notes.txt", "set/b.png"]


def test_patterns_match_files_and_two_stars_cross_folders(root):
    assert image_paths(["set/*.png"], []) == ["set/b.png"]
    assert image_paths(["set/**/*.webp"], []) == ["set/deep/er/c.webp"]


def test_a_pattern_that_matches_folders_means_their_images(root):
    assert image_paths(["s?t"], []) == ["set/a.JPG", "set/b.png", "set/deep/er/c.webp"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(root):
    write_picture(root / "set" / "x[1].png")
    assert image_paths(["set/x[1].png"], []) == ["set/x[1].png"]


def test_the_list_is_taken_as_it_is_at_its_place(root):
    listed = ["set/absent.png\n", "\n", "with space.png\r\n", "set/b.png"]
    expected = ["set/a.JPG", "set/absent.png", "with space.png", "set/b.png"]
    assert image_paths(["set/a.JPG", "-"], listed) == expected


def test_linked_folders_are_followed_and_cameras_endings_are_images(root):
    for name in ("pool/1.jfif", "pool/2.jpe", "pool/3.heic", "pool/4.avif"):
        write_picture(root / name)
    (root / "set" / "link").symlink_to(root / "pool")
    found = [path for path in image_paths(["set"], []) if "link" in path]
    assert found == [f"set/link/{name}" for name in ("1.jfif", "2.jpe", "3.heic", "4.avif")]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("absent.png", "absent.png does not exist"),
        ("set/*.bmp", "nothing matches"),
        ("empty", "has no image in it"),
    ],
)
def test_a_word_that_means_nothing_is_refused(root, word, reason):
    with pytest.raises(DataLayoutError, match=reason):
        image_paths([word], [])
