import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageOps

from agecls.data.decoding import (
    FORMATS,
    MAX_BYTES,
    MAX_PIXELS,
    content_of,
    decode,
    quiet_pillow,
    read_image_file,
)
from agecls.errors import ImageError
from tests.agecls.pictures import encoded, picture_bytes


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def png_claiming(width: int, height: int) -> bytes:
    """A PNG that has the header of a large picture and hardly any data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data


def test_a_picture_of_the_right_size_is_not_resampled() -> None:
    image = noise(16, 16)
    assert np.array_equal(decode(encoded(image, "PNG"), 16), np.asarray(image))


def test_the_central_square_is_taken_and_not_resampled_if_it_fits() -> None:
    wide, tall = noise(21, 16), noise(16, 30)
    assert np.array_equal(decode(encoded(wide, "PNG"), 16), np.asarray(wide)[:, 2:18])
    assert np.array_equal(decode(encoded(tall, "PNG"), 16), np.asarray(tall)[7:23])


def test_shrinking_a_fine_checkerboard_gives_its_mean_not_an_alias() -> None:
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    found = decode(encoded(Image.fromarray(board), "PNG"), 8)
    assert found.shape == (8, 8, 3)
    assert np.abs(found.astype(int) - 127.5).max() <= 1


@pytest.mark.parametrize("side", [128, 512])
def test_a_jpeg_decoded_at_a_reduced_scale_is_near_the_full_resampling(side: int) -> None:
    coarse = noise(24, 24).resize((side, side), Image.Resampling.BICUBIC)
    data = encoded(coarse, "JPEG", quality=95, subsampling=0)
    full = coarse.resize((32, 32), Image.Resampling.BICUBIC)
    difference = decode(data, 32).astype(int) - np.asarray(full).astype(int)
    assert np.abs(difference).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    image = noise(16, 24)
    data = encoded(image, "PNG", exif=exif)
    tagged = image.copy()
    tagged.getexif()[ExifTags.Base.Orientation] = orientation
    upright = np.asarray(ImageOps.exif_transpose(tagged))
    centre = upright[4:20] if upright.shape[0] == 24 else upright[:, 4:20]
    assert np.array_equal(decode(data, 16), centre)


def test_damaged_metadata_do_not_spoil_the_pixels() -> None:
    image = noise(16, 16)
    data = encoded(image, "PNG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff not an IFD")
    with quiet_pillow():
        assert np.array_equal(decode(data, 16), np.asarray(image))


def flat(data: bytes) -> list[int]:
    """The colour of a picture of one colour."""
    pixels = decode(data, 8)
    assert (pixels == pixels[0, 0]).all()
    return pixels[0, 0].tolist()


def test_transparency_is_laid_over_white() -> None:
    clear = Image.new("RGBA", (8, 8), (10, 20, 30, 0))
    half = Image.new("RGBA", (8, 8), (0, 0, 0, 128))
    grey = Image.new("LA", (8, 8), (0, 0))
    assert flat(encoded(clear, "PNG")) == [255, 255, 255]
    assert flat(encoded(half, "PNG")) == [127, 127, 127]
    assert flat(encoded(grey, "PNG")) == [255, 255, 255]
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 200, 100, 50])
    assert flat(encoded(palette, "PNG")) == [200, 100, 50]
    assert flat(encoded(palette, "PNG", transparency=1)) == [255, 255, 255]
    assert flat(encoded(palette, "GIF", transparency=1)) == [255, 255, 255]
    colour = Image.new("RGB", (8, 8), (9, 8, 7))
    assert flat(encoded(colour, "PNG", transparency=(9, 8, 7))) == [255, 255, 255]


def test_greyscale_and_black_and_white_become_rgb() -> None:
    assert flat(encoded(Image.new("L", (8, 8), 77), "PNG")) == [77, 77, 77]
    assert flat(encoded(Image.new("1", (8, 8), 1), "PNG")) == [255, 255, 255]


def test_sixteen_bits_are_scaled_so_that_white_stays_white() -> None:
    for value, expected in ((0, 0), (257, 1), (32_896, 128), (65_535, 255)):
        image = Image.fromarray(np.full((8, 8), value, dtype=np.uint16))
        assert flat(encoded(image, "PNG")) == [expected] * 3
        assert flat(encoded(image, "TIFF")) == [expected] * 3


def test_cmyk_becomes_rgb() -> None:
    data = encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=100)
    red, green, blue = flat(data)
    assert red >= 250
    assert max(green, blue) <= 5


def test_numbers_that_are_no_8_or_16_bits_are_refused() -> None:
    floats = Image.fromarray(np.ones((8, 8), dtype=np.float32))
    with pytest.raises(ImageError, match="floating-point"):
        decode(encoded(floats, "TIFF"), 8)
    large = Image.fromarray(np.full((8, 8), 70_000, dtype=np.int32))
    with pytest.raises(ImageError, match="32 bits"):
        decode(encoded(large, "TIFF"), 8)


@pytest.mark.skipif("AVIF" not in FORMATS, reason="this Pillow was built without AVIF")
def test_avif_is_opened() -> None:
    picture = Image.new("RGB", (16, 16), (200, 100, 50))
    assert np.abs(np.array(flat(encoded(picture, "AVIF", quality=100))) - (200, 100, 50)).max() < 4


def test_the_first_frame_of_an_animation_is_taken() -> None:
    first, second = (Image.new("RGB", (8, 8), colour) for colour in ("red", "blue"))
    assert flat(encoded(first, "GIF", save_all=True, append_images=[second])) == [255, 0, 0]


@pytest.mark.parametrize("side", [8_001, 10_000, 60_000])
def test_a_bomb_is_refused_before_it_is_decoded(side: int) -> None:
    # the data are missing: decoding would fail in another way
    assert side * side > MAX_PIXELS
    with pytest.raises(ImageError, match="pixels"):
        decode(png_claiming(side, side), 8)
    with quiet_pillow(), pytest.raises(ImageError, match="pixels"):
        decode(png_claiming(side, side), 8)


def test_a_picture_too_small_for_a_face_is_refused() -> None:
    with pytest.raises(ImageError, match=r"1 x 1 pixels; each side needs 8"):
        decode(encoded(Image.new("RGB", (1, 1)), "PNG"), 8)
    with pytest.raises(ImageError, match=r"4000 x 2 pixels"):
        decode(encoded(Image.new("RGB", (4000, 2)), "PNG"), 8)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"not a picture", "not an image of a known format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image of a known format"),
        # Pillow would run Ghostscript on it
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "known format"),
        (picture_bytes(0)[:200], "it is damaged: "),
        (picture_bytes(0, kind="JPEG", width=64, height=64)[:1500], "it is damaged: .*truncated"),
        (picture_bytes(0, kind="WEBP")[:100], "it is damaged|known format"),
    ],
)
def test_what_is_no_whole_picture_is_refused_with_the_reason(data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        decode(data, 16)


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM"]),
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=12
    ),
    keep=st.floats(0, 1),
)
def test_damaged_files_give_a_square_or_an_image_error(
    kind: str, changes: list[tuple[float, int]], keep: float
) -> None:
    data = bytearray(picture_bytes(1, width=24, height=20, kind=kind))
    for place, value in changes:
        data[int(place * len(data))] = value
    try:
        with quiet_pillow():
            pixels = decode(bytes(data[: round(keep * len(data))]), 16)
    except ImageError:
        return
    assert pixels.shape == (16, 16, 3)
    assert pixels.dtype == np.uint8


def test_a_file_is_read_with_its_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(b"abc")
    os.utime(path, ns=(5, 1_234_567_890))
    assert read_image_file(path) == (b"abc", (3, 1_234_567_890))


def test_equal_bytes_have_equal_content_of_128_bits() -> None:
    assert content_of(b"") == "cae66941d9efbd404e4d88758ea67670"  # b2sum -l 128 of nothing
    assert content_of(b"a") != content_of(b"b")


def test_what_is_no_file_of_bounded_size_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    with (tmp_path / "vast.jpg").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    for name, message in {
        "folder.jpg": "a folder or a special file",
        "pipe.jpg": "a folder or a special file",
        "vast.jpg": "268,435,457 bytes; at most 268,435,456",
        "loop.jpg": "cannot be read: ",
        "gone.jpg": "cannot be read: No such file",
        "nul\0.jpg": "cannot be read: ",
    }.items():
        with pytest.raises(ImageError, match=message):
            read_image_file(tmp_path / name)
