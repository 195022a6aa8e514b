"""The parts of a matte cover what they must, once, and no more than they need."""

from __future__ import annotations

import numpy as np
import pytest

from livebg.compose.regions import NEAR, Part, Regions

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


@pytest.mark.parametrize("size", SIZES)
def test_all_that_is_shown_is_covered_once_and_what_is_mixed_lies_within(size):
    regions = Regions()
    for alpha in mattes(*size).values():
        regions.divide(alpha)
        shown, mixed = (times_covered(parts, alpha.shape) for parts in (regions.shown, regions.mixed))
        assert shown.max() <= 1
        assert (mixed <= shown).all()
        assert shown[alpha > NEAR].all()
        assert mixed[(alpha > NEAR) & (alpha < 1 - NEAR)].all()
        assert (alpha[(shown == 1) & (mixed == 0)] >= 1 - NEAR).all()  # copied whole


@pytest.mark.parametrize("size", SIZES)
def test_every_pixel_between_is_given(size):
    regions = Regions()
    for alpha in mattes(*size).values():
        regions.divide(alpha)
        given = np.zeros(alpha.size, bool)
        for where in regions.pixels():
            given[where] = True
        assert given[((alpha > NEAR) & (alpha < 1 - NEAR)).reshape(-1)].all()


def test_a_flat_matte_has_nothing_to_blend():
    regions, flat = Regions(), mattes(100, 203)
    regions.divide(flat["none"])
    assert not regions.shown
    assert not list(regions.pixels())
    regions.divide(flat["all"])
    assert regions.shown
    assert not regions.mixed


def test_the_outline_of_a_disc_is_a_small_part_of_the_picture():
    regions, disc = Regions(), mattes(720, 1280)["disc"]
    regions.divide(disc)
    assert times_covered(regions.mixed, disc.shape).mean() < 0.06


def test_no_matte_makes_more_parts_than_one_for_sixteen_by_sixteen_pixels():
    regions = Regions()
    for name in ("noise", "hard", "columns"):
        regions.divide(mattes(720, 1280)[name])
        assert len(regions.shown) + len(regions.mixed) <= 2 * 45 * 80
