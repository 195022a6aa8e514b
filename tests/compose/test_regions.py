"""The parts of a matte cover what they must, once, and no more than they need."""

from __future__ import annotations

import numpy as np
import pytest

from livebg.compose.kept import Kept
from livebg.compose.regions import NEAR, Part, Regions, strip_rows

SIZES = [(1, 1), (1, 9), (9, 1), (15, 7), (16, 8), (17, 17), (100, 203), (720, 1280)]


def mattes(height: int, width: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    disc = np.clip((height / 3 - np.hypot(rows - height / 2, columns - width / 2)) / 3 + 0.5, 0, 1)
    return {
        "none": np.zeros((height, width), np.float32),
        "all": np.ones((height, width), np.float32),
        "noise": random.random((height, width), np.float32),
        "hard": (random.random((height, width)) < 0.5).astype(np.float32),
        "columns": np.repeat(np.arange(width)[None] % 2, height, axis=0).astype(np.float32),
        "one pixel": ((rows == height - 1) & (columns == width - 1)).astype(np.float32),
        "disc": disc,
    }


def times_covered(parts: list[Part], shape: tuple[int, ...]) -> np.ndarray:
    covered = np.zeros(shape, int)
    for part in parts:
        assert covered[part].size
        covered[part] += 1
    return covered


def gathered(regions: Regions, shape: tuple[int, ...]) -> np.ndarray:
    """How often each pixel is among what is mixed."""
    times = np.zeros(shape, int)
    numbers = np.arange(times.size, dtype=np.float32).reshape(shape)
    high = strip_rows(*shape)
    for pieces in regions.mixed():
        row = pieces.strip * high + np.arange(high)[:, None]
        inside = row < shape[0]
        taken = pieces.take(numbers, Kept(np.float32))
        assert np.array_equal(taken[inside], (row * shape[1] + pieces.column)[inside])
        np.add.at(times.reshape(-1), taken[inside].astype(int), 1)
    return times


@pytest.mark.parametrize("size", SIZES)
def test_every_pixel_between_is_given_once_and_what_is_whole_is_not(size):
    regions = Regions()
    for alpha in mattes(*size).values():
        regions.divide(alpha)
        whole, mixed = times_covered(regions.whole, alpha.shape), gathered(regions, alpha.shape)
        assert (whole + mixed).max() <= 1
        assert mixed[(alpha > NEAR) & (alpha < 1 - NEAR)].all()
        assert (whole + mixed)[alpha > NEAR].all()
        assert (alpha[whole == 1] >= 1 - NEAR).all()  # copied


@pytest.mark.parametrize("size", SIZES)
def test_what_is_taken_is_put_back_where_it_was_and_nothing_else(size):
    regions = Regions()
    image = np.random.default_rng(0).integers(1, 256, (*size, 3), np.uint8)
    for alpha in mattes(*size).values():
        regions.divide(alpha)
        copy = np.zeros_like(image)
        for pieces in regions.mixed():
            pieces.put(copy, pieces.take(image, Kept(np.uint8)))
        put = gathered(regions, alpha.shape) == 1
        assert np.array_equal(copy[put], image[put])
        assert not copy[~put].any()


def test_a_flat_matte_has_nothing_to_blend():
    regions, flat = Regions(), mattes(100, 203)
    regions.divide(flat["none"])
    assert not regions.whole
    assert not list(regions.mixed())
    regions.divide(flat["all"])
    assert regions.whole
    assert not list(regions.mixed())


def test_the_outline_of_a_disc_is_a_small_part_of_the_picture():
    regions, disc = Regions(), mattes(720, 1280)["disc"]
    regions.divide(disc)
    assert gathered(regions, disc.shape).mean() < 0.06


def test_a_picture_of_one_row_is_one_strip_of_one_row():
    assert strip_rows(1, 400_000) == 1
    regions, alpha = Regions(), np.full((1, 400_000), 0.5, np.float32)
    regions.divide(alpha)
    assert (gathered(regions, alpha.shape) == 1).all()


def test_no_matte_makes_more_parts_than_one_for_sixteen_by_sixteen_pixels():
    regions = Regions()
    for name in ("noise", "hard", "columns"):
        regions.divide(mattes(720, 1280)[name])
        assert len(regions.whole) <= 45 * 80
        assert len(list(regions.mixed())) <= 720 * 1280 / 2**15 + 1
