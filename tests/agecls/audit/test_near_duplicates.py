import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from agecls.audit.near_duplicates import (
    LEAST_CORRELATION,
    RADIUS,
    THUMBNAIL,
    close_pairs,
    gradient_correlations,
    near_duplicates,
    perceptual_hashes,
)
from agecls.data.decoding import decode
from agecls.faces.face_set import FaceSet, draw_face_set
from tests.agecls.pictures import encoded

ALTERATIONS = {
    "JPEG of quality 80": lambda image: encoded(image, "JPEG", quality=80),
    "PNG": lambda image: encoded(image, "PNG"),
    "1.5 times the size": lambda image: encoded(image.resize((96, 96)), "JPEG", quality=90),
    "three quarters of the size": lambda image: encoded(image.resize((48, 48)), "PNG"),
    "brighter": lambda image: encoded(
        ImageEnhance.Brightness(image).enhance(1.06), "JPEG", quality=90
    ),
    "darker": lambda image: encoded(
        ImageEnhance.Brightness(image).enhance(0.85), "JPEG", quality=90
    ),
    "grey": lambda image: encoded(image.convert("L"), "JPEG", quality=90),
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Distinct drawn faces, as files' bytes."""
    out = tmp_path_factory.mktemp("drawn") / "set"
    draw_face_set(out, FaceSet(families=12, val_families=2, test_families=0, seed=7))
    return [path.read_bytes() for path in sorted(out.rglob("*.[jJ][pP][gG]"))]


def thumbnails(files):
    return np.stack([decode(data, THUMBNAIL) for data in files])


def brute_force(hashes):
    words = [int(value) for value in hashes]
    return [
        [i, j]
        for i in range(len(words))
        for j in range(i + 1, len(words))
        if (words[i] ^ words[j]).bit_count() <= RADIUS
    ]


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60))
def test_the_index_finds_the_pairs_that_comparing_all_with_all_finds(seed, n):
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 2**64, 5, dtype=np.uint64)
    hashes = centres[rng.integers(0, 5, n)]
    for bit in range(64):  # some bits flip, so that distances straddle the radius
        hashes ^= (rng.random(n) < 0.06).astype(np.uint64) << np.uint64(bit)
    assert close_pairs(hashes).tolist() == brute_force(hashes)


@pytest.mark.parametrize(("n_bits", "is_found"), [(RADIUS, True), (RADIUS + 1, False)])
def test_the_radius_is_exact_wherever_the_bits_lie(n_bits, is_found):
    rng = np.random.default_rng(3)
    for _ in range(40):
        hashes = np.repeat(rng.integers(0, 2**64, 1, dtype=np.uint64), 2)
        for bit in rng.choice(64, n_bits, replace=False):
            hashes[1] ^= np.uint64(1) << np.uint64(bit)
        assert close_pairs(hashes).tolist() == ([[0, 1]] if is_found else [])


def test_a_hundred_thousand_hashes_give_up_exactly_the_planted_pairs():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, 100_000, dtype=np.uint64)
    originals, copies = rng.permutation(100_000)[:2000].reshape(2, 1000)
    hashes[copies] = hashes[originals]
    for turn in range(RADIUS):
        which = rng.integers(0, RADIUS + 1, 1000) > turn
        hashes[copies] ^= which.astype(np.uint64) << rng.integers(0, 64, 1000).astype(np.uint64)
    planted = sorted([min(pair), max(pair)] for pair in zip(originals, copies, strict=True))
    assert close_pairs(hashes).tolist() == planted


def test_pairs_come_out_alike_however_few_fit_into_memory_at_once(monkeypatch):
    hashes = np.random.default_rng(1).integers(0, 4, 50).astype(np.uint64)
    whole = close_pairs(hashes).tolist()
    monkeypatch.setattr("agecls.audit.near_duplicates._PAIRS_AT_ONCE", 7)
    assert close_pairs(hashes).tolist() == whole == brute_force(hashes)
    assert len(whole) == 50 * 49 / 2


def test_a_hash_is_the_sign_of_the_lowest_frequencies():
    place = np.arange(32)
    wave = np.cos(np.pi * (2 * place + 1) * 3 / 64)  # frequency 3 across alone
    across = np.broadcast_to(128 + 100 * wave, (32, 32)).round().astype(np.uint8)
    image = np.repeat(across[:, :, None], 3, axis=2)
    one, other = perceptual_hashes(np.stack([image, 255 - image]))
    # sums 1, 2 and 3 hold 2 + 3 + 4 frequencies; (0, 3) is the first of sum 3, so bit 5
    bit = np.uint64(1) << np.uint64(63 - 5)
    assert one & bit
    assert not other & bit


def test_coefficients_that_are_zero_leave_no_bits_of_rounding():
    greys = np.arange(256, dtype=np.uint8)[:, None, None, None]
    assert not perceptual_hashes(np.broadcast_to(greys, (256, 32, 32, 3))).any()


def test_brightness_and_contrast_do_not_change_hash_and_correlation():
    rng = np.random.default_rng(2)
    dim = rng.integers(0, 100, (8, 8, 3)).repeat(4, axis=0).repeat(4, axis=1).astype(np.uint8)
    images = np.stack([dim, 2 * dim + 20])
    one, other = perceptual_hashes(images)
    assert int(one ^ other).bit_count() <= 1
    assert gradient_correlations(images, np.array([[0, 1]]))[0] == pytest.approx(1, abs=1e-5)


def test_the_correlation_is_that_of_the_gradients_of_grey_means():
    images = np.random.default_rng(4).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    flat = []
    for image in images:
        grey = image @ np.array([0.299, 0.587, 0.114])
        means = (grey[::2, ::2] + grey[1::2, ::2] + grey[::2, 1::2] + grey[1::2, 1::2]) / 4
        flat.append(np.concatenate([np.diff(means, axis=0).ravel(), np.diff(means).ravel()]))
    expected = np.corrcoef(*flat)[0, 1]
    assert gradient_correlations(images, np.array([[0, 1]]))[0] == pytest.approx(
        expected, abs=1e-5
    )


def test_blank_pictures_are_never_duplicates():
    blank = np.full((3, 32, 32, 3), 200, dtype=np.uint8)
    blank[1, 5, 5] = 205
    assert near_duplicates(blank).empty
    assert gradient_correlations(blank, np.array([[0, 1]])).tolist() == [-1]


def test_distinct_drawn_faces_are_not_near_duplicates(drawn):
    assert len(drawn) > 200
    assert near_duplicates(thumbnails(drawn)).empty


@pytest.mark.parametrize("name", ALTERATIONS)
def test_altered_copies_are_found_among_distinct_pictures_and_nothing_else(drawn, name):
    n = len(drawn)
    copied = list(range(0, n, 8))
    copies = []
    for index in copied:
        with Image.open(io.BytesIO(drawn[index])) as image:
            copies.append(ALTERATIONS[name](image.convert("RGB")))
    found = near_duplicates(thumbnails(drawn + copies))
    pairs = found[["first", "second"]].to_numpy().tolist()
    assert pairs == [[index, n + place] for place, index in enumerate(copied)]
    assert found["correlation"].between(LEAST_CORRELATION, 1 + 1e-6).all()
    assert found["distance"].between(0, RADIUS).all()


def test_no_picture_has_no_duplicates():
    assert near_duplicates(np.zeros((0, 32, 32, 3), dtype=np.uint8)).empty
