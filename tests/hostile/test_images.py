"""Hostile files among pictures: what is shown to a network is what the good files hold."""

import io
import os
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

from agecls.data.decoding import decode, quiet_pillow
from agecls.data.packing import open_pack
from agecls.data.records import read_records
from agecls.errors import DataLayoutError, ImageError
from agecls.faces.face_set import FaceSet, draw_face_set
from tests.agecls.pictures import encoded, picture_bytes, write_picture
from tests.hostile.cases import EDITS, Edit, cases, damaged, is_one_line, memory, try_out

SIZE = 16
N_FILES = 10


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Files of drawn faces, every other one as PNG."""
    folder = tmp_path_factory.mktemp("drawn") / "faces"
    draw_face_set(folder, FaceSet(families=1, val_families=0, test_families=0, size=24))
    jpegs = [path.read_bytes() for path in sorted((folder / "train_images").iterdir())][:N_FILES]
    pngs = [encoded(Image.open(io.BytesIO(data)), "PNG") for data in jpegs]
    return [png if i % 2 else jpeg for i, (jpeg, png) in enumerate(zip(jpegs, pngs, strict=True))]


@cases(20, 300)
def test_damaged_pictures_are_quarantined_and_the_others_keep_their_pixels_and_classes(
    n: int, drawn: list[bytes], tmp_path: Path
) -> None:
    whole = {f"{'abcdefgh'[i % 8]}/{i}.jpg": data for i, data in enumerate(drawn)}
    for name in whole:
        (tmp_path / "faces" / name).parent.mkdir(parents=True, exist_ok=True)
    expected = {name: decode(data, SIZE) for name, data in whole.items()}

    def check(broken: dict[int, list[Edit]]) -> None:
        files = dict(whole)
        for index, edits in broken.items():
            name = list(whole)[index]
            files[name] = damaged(whole[name], edits)
        for name, data in files.items():
            (tmp_path / "faces" / name).write_bytes(data)
        intact = {name for name in whole if files[name] == whole[name]}
        try:
            pack = open_pack(read_records(tmp_path / "faces"), SIZE, max_bad_share=1.0)
        except DataLayoutError as error:
            assert not intact
            assert is_one_line(str(error))  # noqa: PT017 - some may be intact
            return
        shown = dict(zip(pack.frame["image_path"], pack.images, strict=True))
        refused = dict(pack.quarantine[["image_path", "reason"]].itertuples(index=False))
        assert shown.keys() | refused.keys() == whole.keys()
        assert not shown.keys() & refused.keys()
        assert intact <= shown.keys()
        for name in intact:
            assert np.array_equal(shown[name], expected[name])
        assert all(map(is_one_line, refused.values())), refused
        letters = [Path(name).parent.name for name in pack.frame["image_path"]]
        assert pack.frame["label"].tolist() == ["abcdefgh".index(letter) for letter in letters]

    broken = st.dictionaries(st.integers(0, N_FILES - 1), EDITS, min_size=1, max_size=4)
    try_out(n, check, broken=broken)


@cases(60, 1500)
def test_a_damaged_face_decodes_to_a_square_or_says_in_one_line_why_not(
    n: int, drawn: list[bytes]
) -> None:
    def check(index: int, edits: list[Edit]) -> None:
        try:
            with quiet_pillow():
                pixels = decode(damaged(drawn[index], edits), SIZE)
        except ImageError as error:
            assert is_one_line(str(error))  # noqa: PT017 - most damage must not raise at all
        else:
            assert (pixels.shape, pixels.dtype) == ((SIZE, SIZE, 3), np.uint8)

    try_out(n, check, index=st.integers(0, N_FILES - 1), edits=EDITS)


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of these dimensions in its header, and whatever chunks follow."""
    header = (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in (header, *chunks, (b"IEND", b""))
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def zeros(n_bytes: int) -> bytes:
    """Deflated zeros, a thousandth of their length."""
    packer, block = zlib.compressobj(9), bytes(2**20)
    return b"".join(packer.compress(block) for _ in range(n_bytes // 2**20)) + packer.flush()


def jpeg_that_claims(width: int, height: int) -> bytes:
    data = bytearray(picture_bytes(0, kind="JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def segment(kind: int, data: bytes) -> bytes:
    return bytes([0xFF, kind]) + struct.pack(">H", len(data) + 2) + data


def jpeg_of_scans(side: int, n: int, *, between: bytes = b"") -> bytes:
    """A black progressive JPEG whose every scan passes over all blocks in a few bytes."""
    header = struct.pack(">BHHB", 8, side, side, 1) + bytes([1, 0x11, 0])
    one_code = bytes([1, *15 * [0]])
    tables = segment(0xDB, bytes([0, *64 * [1]])) + segment(0xC2, header)
    tables += segment(0xC4, b"\x00" + one_code + b"\x00")
    tables += segment(0xC4, b"\x10" + one_code + b"\xe0")  # a run of blocks without coefficients
    runs = -(-((side // 8) ** 2) // 32767)
    bits = "0" + "1" * 14
    data = int((bits * runs).ljust(-(-15 * runs // 8) * 8, "1"), 2).to_bytes(-(-15 * runs // 8))
    data = data.replace(b"\xff", b"\xff\0")
    first = segment(0xDA, bytes([1, 1, 0, 1, 63, 0x00])) + data
    refining = segment(0xDA, bytes([1, 1, 0, 1, 63, 0x10])) + data
    return b"\xff\xd8" + tables + first + (between + refining) * (n - 1) + b"\xff\xd9"


def bmp_that_claims(width: int, height: int) -> bytes:
    data = bytearray(picture_bytes(0, kind="BMP"))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def gif_that_claims(width: int, height: int) -> bytes:
    data = bytearray(picture_bytes(0, kind="GIF"))
    data[6:10] = struct.pack("<HH", width, height)
    return bytes(data)


BOMBS = {
    "PNG with 2^62 pixels": lambda: png(2**31 - 1, 2**31 - 1, (b"IDAT", zeros(2**20))),
    "PNG of a thousandth": lambda: png(16_000, 12_000, (b"IDAT", zeros(64 * 2**20))),
    "PNG that ends early": lambda: png(7_000, 7_000, (b"IDAT", zeros(2**20))),
    "PNG with a vast text": lambda: png(
        16,
        16,
        (b"zTXt", b"comment\0\0" + zeros(128 * 2**20)),
        (b"IDAT", zlib.compress(bytes(784))),
    ),
    "PNG with a vast profile": lambda: png(
        16,
        16,
        (b"iCCP", b"profile\0\0" + zeros(128 * 2**20)),
        (b"IDAT", zlib.compress(bytes(784))),
    ),
    "JPEG": lambda: jpeg_that_claims(65_500, 65_500),
    "JPEG of 9,000 scans": lambda: jpeg_of_scans(8_000, 9_000),
    "JPEG of scans behind lone markers": lambda: jpeg_of_scans(8_000, 999, between=b"\xff\x01"),
    "BMP": lambda: bmp_that_claims(2**30, 2**30),
    "BMP of negative width": lambda: bmp_that_claims(-(2**30), 2**30),
    "GIF": lambda: gif_that_claims(65_535, 65_535),
    "PPM": lambda: b"P6 999999 999999 255\n" + bytes(99),
    "PPM with a vast number": lambda: b"P6 " + b"9" * 10_000 + b" 1 255\n" + bytes(99),
}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_within_a_second_of_work_and_boundedmemory(name: str) -> None:
    bomb = BOMBS[name]()
    assert len(bomb) < 2**20, "a bomb is small"
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from now
    before, started = memory("VmRSS"), time.process_time()
    with quiet_pillow(), pytest.raises(ImageError) as caught:
        decode(bomb, SIZE)
    assert is_one_line(str(caught.value))
    assert time.process_time() - started < 5
    # of these only the one with a sound header is decoded, at 4 bytes a pixel
    most = 4 * 49_000_000 if name == "PNG that ends early" else 0
    assert memory("VmHWM") - before < most + 32 * 2**20


def test_many_scans_of_a_small_picture_and_marks_in_metadata_cost_nothing_and_are_used() -> None:
    photo = encoded(Image.new("RGB", (4_000, 4_000), "red"), "JPEG", progressive=True)
    mark = segment(0xDA, bytes(6)) * 9_000  # as in the video that some phones append
    noted = photo[:2] + segment(0xE5, mark[:60_000]) + photo[2:] + mark
    for data in (photo, noted, jpeg_of_scans(80, 9_000)):
        started = time.process_time()
        assert decode(data, SIZE).shape == (SIZE, SIZE, 3)
        assert time.process_time() - started < 5
    assert np.array_equal(decode(noted, SIZE), decode(photo, SIZE))


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """What lies beside the data folder and is nobody's business."""
    secret = tmp_path / "outside" / "secret.txt"
    secret.parent.mkdir()
    secret.write_text("the-password-is-swordfish\n" * 99)
    return secret


def test_links_lead_nowhere_but_to_pictures(tmp_path: Path, outside: Path) -> None:
    root = tmp_path / "faces"
    for letter in "ab":
        write_picture(root / letter / "ok.png", ord(letter))
    targets = {
        "secret.jpg": outside,
        "folder.jpg": outside.parent,
        "gone.jpg": tmp_path / "nothing",
        "self.jpg": root / "a" / "self.jpg",
        "zero.jpg": Path("/dev/zero"),
        "memory.jpg": Path("/proc/self/mem"),
    }
    for name, target in targets.items():
        (root / "a" / name).symlink_to(target)
    (root / "a" / "up").symlink_to(root)
    (root / "loop").symlink_to("loop")

    pack = open_pack(read_records(root), SIZE, max_bad_share=0.9)

    assert pack.frame["image_path"].tolist() == ["a/ok.png", "b/ok.png"]
    assert set(pack.quarantine["image_path"]) == {f"a/{name}" for name in targets}
    assert "swordfish" not in pack.quarantine.to_csv()


def test_a_linked_picture_counts_as_the_same_content(tmp_path: Path) -> None:
    root = tmp_path / "faces"
    write_picture(tmp_path / "store" / "1.png", 1)
    write_picture(root / "b" / "2.png", 2)
    (root / "a").mkdir()
    for name in ("one.png", "again.png"):
        (root / "a" / name).symlink_to(tmp_path / "store" / "1.png")

    pack = open_pack(read_records(root), SIZE)

    assert len(pack.frame) == 3
    assert pack.frame["content"].nunique() == 2


def test_a_pipe_among_the_pictures_does_not_block(tmp_path: Path) -> None:
    for letter in "ab":
        write_picture(tmp_path / "faces" / letter / "ok.png", ord(letter))
    os.mkfifo(tmp_path / "faces" / "a" / "pipe.jpg")
    records = read_records(tmp_path / "faces")
    pack = open_pack(records, SIZE, max_bad_share=0.5)
    assert len(pack.frame) == 2
    assert pack.quarantine["image_path"].tolist() == ["a/pipe.jpg"]
