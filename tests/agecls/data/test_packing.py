import json
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agecls.data import manifest, packing
from agecls.data.decoding import content_of, decode
from agecls.data.packing import Pack, open_pack
from agecls.data.records import Records, read_records
from agecls.errors import AgeclsError, DataLayoutError
from tests.agecls.pictures import picture_bytes, write_picture


def class_folders(root: Path, n: int) -> Records:
    """Records of n pictures in two classes, last changed a minute ago."""
    for number in range(n):
        path = write_picture(root / "ab"[number % 2] / f"{number:03}.png", number)
        settle(path)
    return read_records(root)


def settle(path: Path) -> None:
    """Set a file's time back, so that it counts as no longer changing."""
    then = time.time() - 60
    os.utime(path, (then, then))


def refuse_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(path: object) -> None:
        raise AssertionError(f"{path} was read again")

    monkeypatch.setattr(packing, "read_image_file", read)
    monkeypatch.setattr(manifest, "read_image_file", read)


def assert_equal_packs(one: Pack, other: Pack) -> None:
    assert one.key == other.key
    assert np.array_equal(one.images, other.images)
    pd.testing.assert_frame_equal(one.frame, other.frame)
    pd.testing.assert_frame_equal(one.quarantine, other.quarantine)


def test_a_pack_holds_each_image_as_decoded_in_the_records_order(
    tmp_path: Path, cache: Path
) -> None:
    records = class_folders(tmp_path / "set", 40)
    pack = open_pack(records, 8)
    assert pack.images.shape == (40, 8, 8, 3)
    assert pack.images.dtype == np.uint8
    assert not pack.images.flags.writeable
    for row, image in zip(pack.frame.itertuples(), pack.images, strict=True):
        data = (records.root / row.image_path).read_bytes()
        assert np.array_equal(image, decode(data, 8))
        assert row.content == content_of(data)
    pd.testing.assert_frame_equal(pack.frame.drop(columns="content"), records.frame)
    assert pack.path == cache / "packs" / pack.key


def test_a_second_run_reads_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = class_folders(tmp_path / "set", 4)
    (records.root / "a" / "broken.png").write_bytes(b"no picture")
    settle(records.root / "a" / "broken.png")
    records = read_records(records.root)
    first = open_pack(records, 8, max_bad_share=0.5)
    refuse_reading(monkeypatch)
    second = open_pack(records, 8, max_bad_share=0.5)
    assert_equal_packs(first, second)
    assert len(second.quarantine) == 1


def test_a_changed_file_is_noticed_and_gets_another_pack(tmp_path: Path) -> None:
    records = class_folders(tmp_path / "set", 4)
    first = open_pack(records, 8)
    (records.root / "b" / "001.png").write_bytes(picture_bytes(99))
    second = open_pack(records, 8)
    assert first.key != second.key
    changed = second.frame["image_path"].tolist().index("b/001.png")
    assert np.array_equal(second.images[changed], decode(picture_bytes(99), 8))
    rest = np.delete(np.arange(4), changed)
    assert np.array_equal(first.images[rest], second.images[rest])


def test_a_change_within_the_tick_of_the_first_reading_is_noticed(tmp_path: Path) -> None:
    records = class_folders(tmp_path / "set", 4)
    path = records.root / "b" / "001.png"
    now = time.time_ns()
    os.utime(path, ns=(now, now))
    first = open_pack(records, 8)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(now, now))
    assert open_pack(records, 8).key != first.key


def test_the_key_depends_on_contents_order_and_size_but_not_on_names(tmp_path: Path) -> None:
    for name, seeds in {"one": (1, 2), "renamed": (1, 2), "turned": (2, 1)}.items():
        for position, seed in enumerate(seeds):
            write_picture(tmp_path / name / "a" / f"{name}{position}.png", seed)
    one, renamed, turned = (
        open_pack(read_records(tmp_path / name), 8) for name in ("one", "renamed", "turned")
    )
    assert one.key == renamed.key != turned.key
    assert open_pack(read_records(tmp_path / "one"), 9).key != one.key


def test_bad_files_are_quarantined_and_the_others_keep_their_records(tmp_path: Path) -> None:
    root = tmp_path / "set"
    class_folders(root, 6)
    (root / "a" / "empty.png").write_bytes(b"")
    (root / "a" / "000.png").write_bytes(picture_bytes(0)[:100])
    (root / "a" / "folder.png").mkdir()
    (root / "b" / "text.jpg").write_text("no picture")
    pack = open_pack(read_records(root), 8, max_bad_share=0.5)
    reasons = dict(zip(pack.quarantine["image_path"], pack.quarantine["reason"], strict=True))
    assert set(reasons) == {"a/folder.png", "a/000.png", "a/empty.png", "b/text.jpg"}
    assert reasons["a/000.png"].startswith("it is damaged: ")
    assert reasons["a/empty.png"] == "the file is empty"
    assert reasons["b/text.jpg"] == "it is not an image of a known format"
    assert pack.quarantine["is_bad"].all()
    good = ["a/002.png", "a/004.png", "b/001.png", "b/003.png", "b/005.png"]
    assert pack.frame["image_path"].tolist() == good
    for path, image in zip(good, pack.images, strict=True):
        assert np.array_equal(image, decode((root / path).read_bytes(), 8))


def test_too_many_bad_files_are_an_error_with_a_table_of_them(tmp_path: Path, cache: Path) -> None:
    root = tmp_path / "set"
    class_folders(root, 6)
    for number in (0, 2):
        (root / "a" / f"{number:03}.png").write_bytes(b"")
    records = read_records(root)
    message = r"2 of 6 images cannot be used, more than 10\.0% \(a/000\.png: the file is empty; .*"
    with pytest.raises(DataLayoutError, match=message) as caught:
        open_pack(records, 8, max_bad_share=0.1)
    assert "`max_bad_share = 0.34` under [data] of a study file" in str(caught.value)
    (table,) = (cache / "quarantine").iterdir()
    assert str(table) in str(caught.value)
    assert pd.read_csv(table)["image_path"].tolist() == ["a/000.png", "a/002.png"]
    assert len(open_pack(records, 8, max_bad_share=0.34).frame) == 4


def test_ages_without_a_class_do_not_count_as_bad(tmp_path: Path) -> None:
    write_picture(tmp_path / "set" / "age_20" / "x.png", 1)
    for number in range(5):
        write_picture(tmp_path / "set" / "age_99" / f"{number}.png")
    pack = open_pack(read_records(tmp_path / "set"), 8)
    assert len(pack.frame) == 1
    assert len(pack.quarantine) == 5


def test_a_set_of_which_no_file_decodes_is_an_error_whatever_the_share(tmp_path: Path) -> None:
    (tmp_path / "set" / "a").mkdir(parents=True)
    (tmp_path / "set" / "a" / "x.png").write_bytes(b"")
    with pytest.raises(DataLayoutError, match="1 of 1 images cannot be used"):
        open_pack(read_records(tmp_path / "set"), 8, max_bad_share=1.0)


def truncate(pack: Path) -> None:
    with (pack / "images.u8").open("r+b") as file:
        file.truncate(100)


def flip_a_byte(pack: Path) -> None:
    data = bytearray((pack / "images.u8").read_bytes())
    data[7] ^= 255
    (pack / "images.u8").write_bytes(data)


def edit(key: str, value: object) -> Callable[[Path], None]:
    def change(pack: Path) -> None:
        description = json.loads((pack / "pack.json").read_text())
        (pack / "pack.json").write_text(json.dumps(description | {key: value}))

    return change


@pytest.mark.parametrize(
    "damage",
    [
        truncate,
        flip_a_byte,
        edit("failures", {"0": "invented"}),
        edit("failures", {"-1": "invented"}),
        edit("format", "0"),
        edit("failures", None),
        lambda pack: (pack / "pack.json").write_text("{"),
        lambda pack: (pack / "pack.json").write_text("[]"),
        lambda pack: (pack / "pack.json").unlink(),
        lambda pack: (pack / "images.u8").unlink(),
    ],
)
@pytest.mark.usefixtures("cache")
def test_a_damaged_pack_is_built_again(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    records = class_folders(tmp_path / "set", 4)
    first = open_pack(records, 8)
    before = np.array(first.images)
    damage(first.path)
    second = open_pack(records, 8)
    assert second.key == first.key
    assert np.array_equal(second.images, before)
    assert [path.name for path in second.path.parent.iterdir()] == [first.key]


def test_a_copied_pack_is_recognised_by_its_checksum(tmp_path: Path) -> None:
    records = class_folders(tmp_path / "set", 4)
    images = open_pack(records, 8).path / "images.u8"
    inode = images.stat().st_ino
    settle(images)
    open_pack(records, 8)
    assert images.stat().st_ino == inode


@pytest.mark.parametrize("text", ["", "[1]", '{"a/000.png": [1]}', '{"a/000.png": 3}', "\0"])
def test_a_damaged_manifest_costs_a_reading_and_nothing_else(
    tmp_path: Path, cache: Path, text: str
) -> None:
    records = class_folders(tmp_path / "set", 4)
    first = open_pack(records, 8)
    (path,) = (cache / "manifests").iterdir()
    path.write_text(text)
    assert_equal_packs(first, open_pack(records, 8))
    assert len(json.loads(path.read_text())) == 4


def test_a_manifest_entry_of_the_wrong_type_is_not_believed(tmp_path: Path, cache: Path) -> None:
    records = class_folders(tmp_path / "set", 2)
    first = open_pack(records, 8)
    (path,) = (cache / "manifests").iterdir()
    stamps = json.loads(path.read_text())
    stamps["a/000.png"][2] = None
    path.write_text(json.dumps(stamps))
    assert open_pack(records, 8).key == first.key


def key_of_new_pack(root: Path) -> str:
    return open_pack(read_records(root), 8).key


def test_two_processes_may_build_one_pack_at_once(tmp_path: Path, cache: Path) -> None:
    records = class_folders(tmp_path / "set", 30)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        keys = pool.map(key_of_new_pack, [records.root] * 4, chunksize=1)
    assert len(set(keys)) == 1
    assert [path.name for path in (cache / "packs").iterdir()] == [keys[0]]


def test_the_number_of_workers_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = class_folders(tmp_path / "set", 50)
    monkeypatch.setattr(packing, "cores", lambda: 1)
    one = open_pack(records, 8)
    monkeypatch.setattr(packing, "cores", lambda: 3)
    monkeypatch.setenv("AGECLS_CACHE", str(tmp_path / "3"))
    assert_equal_packs(one, open_pack(records, 8))


def test_progress_tells_each_image_in_turn(tmp_path: Path) -> None:
    records = class_folders(tmp_path / "set", 5)
    told: list[tuple[int, int]] = []
    open_pack(records, 8, progress=lambda done, n: told.append((done, n)))
    assert told == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_an_interrupted_build_leaves_no_pack_and_the_next_run_makes_it(
    tmp_path: Path, cache: Path
) -> None:
    def interrupt(done: int, n: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    records = class_folders(tmp_path / "set", 5)
    with pytest.raises(KeyboardInterrupt):
        open_pack(records, 8, progress=interrupt)
    assert list((cache / "packs").iterdir()) == []
    assert len(open_pack(records, 8).images) == 5


def test_a_cache_that_cannot_be_written_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = class_folders(tmp_path / "set", 2)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("AGECLS_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(AgeclsError, match=r"cache folder .* cannot be written.*AGECLS_CACHE"):
        open_pack(records, 8)


@pytest.mark.parametrize("size", [0, -3, 7, 1025])
def test_a_size_out_of_range_is_refused(tmp_path: Path, size: int) -> None:
    records = class_folders(tmp_path / "set", 2)
    with pytest.raises(DataLayoutError, match=f"size is {size}; expected 8 to 1024 pixels"):
        open_pack(records, size)
