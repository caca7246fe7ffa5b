import json
import os
import time
from pathlib import Path

from agecls.data.decoding import content_of
from agecls.data.manifest import UNREADABLE, Stamp, known_contents, remember


def stamp_of(path: Path, *, seconds_ago: float = 60) -> Stamp:
    """A file's stamp after its time was set back."""
    then = time.time() - seconds_ago
    os.utime(path, (then, then))
    found = path.stat()
    return Stamp(found.st_size, found.st_mtime_ns, content_of(path.read_bytes()))


def test_nothing_is_known_of_files_that_were_never_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    assert known_contents(str(tmp_path), ["x"], tmp_path / "m.json") is None


def test_unchanged_files_are_taken_from_the_manifest_and_others_read(tmp_path: Path) -> None:
    for name in ("same", "other", "gone"):
        (tmp_path / name).write_bytes(name.encode())
    stamps = {name: stamp_of(tmp_path / name) for name in ("same", "other", "gone")}
    # another content shows where each one comes from
    remember(tmp_path / "m.json", {n: s._replace(content=f"noted {n}") for n, s in stamps.items()})
    (tmp_path / "other").write_bytes(b"longer than before")
    (tmp_path / "gone").unlink()
    (tmp_path / "new").write_bytes(b"new")
    paths = ["new", "same", "other", "gone"]
    assert known_contents(str(tmp_path), paths, tmp_path / "m.json") == [
        content_of(b"new"),
        "noted same",
        content_of(b"longer than before"),
        UNREADABLE,
    ]


def test_files_that_changed_just_now_or_could_not_be_read_are_not_remembered(
    tmp_path: Path,
) -> None:
    (tmp_path / "x").write_bytes(b"x")
    fresh = stamp_of(tmp_path / "x", seconds_ago=0)
    remember(tmp_path / "m.json", {"x": fresh, "y": None})
    assert not (tmp_path / "m.json").exists()
    remember(tmp_path / "m.json", {"old": stamp_of(tmp_path / "x"), "x": fresh})
    assert list(json.loads((tmp_path / "m.json").read_text())) == ["old"]


def test_a_manifest_grows_by_what_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    stamp = stamp_of(tmp_path / "x")
    remember(tmp_path / "m.json", {"x": stamp})
    remember(tmp_path / "m.json", {"y": stamp})
    assert list(json.loads((tmp_path / "m.json").read_text())) == ["x", "y"]
