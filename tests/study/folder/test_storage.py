import pytest
from pyarrow import fs

from study.errors import StorageError
from study.folder.storage import Storage, below


@pytest.fixture(params=["local", "remote"])
def storage(request, tmp_path, monkeypatch):
    """A folder in place, and one that is reached as any foreign filesystem is."""
    folder = tmp_path / "kept"
    if request.param == "remote":
        folder.mkdir()
        foreign = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
        monkeypatch.setattr(Storage, "_reach", lambda self: (foreign, "kept"))
    place = Storage(str(folder))
    place.prepare()
    return place, folder


def put(storage, trial_id, content):
    with storage.local_copy(trial_id) as path:
        path.write_bytes(content)
        storage.publish(path)


def test_what_was_published_is_found_again(storage):
    place, folder = storage
    put(place, "t00001", b"first")
    put(place, "t00001", b"second")
    with place.local_copy("t00001") as path:
        assert path.read_bytes() == b"second"
    assert [p.name for p in folder.iterdir()] == ["t00001.pt"]


def test_a_trial_without_checkpoint_has_no_local_copy(storage):
    with storage[0].local_copy("t00009") as path:
        assert not path.exists()


def test_only_the_named_trials_are_kept(storage):
    place, folder = storage
    for trial_id in ("t00001", "t00002", "t00003"):
        put(place, trial_id, b"x")
    place.keep_only({"t00002"})
    assert [p.name for p in folder.iterdir()] == ["t00002.pt"]


def test_half_a_checkpoint_goes_with_its_trial(storage):
    place, folder = storage
    for name in (".t00001.pt.4711.tmp", ".t00002.pt.4712.tmp"):
        (folder / name).write_bytes(b"half")
    place.keep_only({"t00002"})
    assert [p.name for p in folder.iterdir()] == [".t00002.pt.4712.tmp"]


def test_what_a_killed_writer_left_is_removed(storage):
    place, folder = storage
    (folder / ".t00001.pt.123.tmp").write_bytes(b"half")
    put(place, "t00002", b"x")
    place.prepare()
    assert [p.name for p in folder.iterdir()] == ["t00002.pt"]


def test_an_unknown_filesystem_is_an_error_that_names_the_flag():
    with pytest.raises(StorageError, match="--storage nowhere://x"):
        Storage("nowhere://x").prepare()


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("/shared/study", "/shared/study/one"),
        ("/shared/what?/", "/shared/what?/one"),
        ("s3://bucket/study/", "s3://bucket/study/one"),
        ("s3://bucket/study?region=eu", "s3://bucket/study/one?region=eu"),
    ],
)
def test_a_folder_below_a_uri_keeps_the_query_at_the_end(uri, expected):
    assert below(uri, "one") == expected
