"""Pictures of one size in frames of another."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from livebg.compose.fit import fit_into


def thirds(height: int, width: int, *, upright: bool = False) -> np.ndarray:
    """Red, green and blue beside each other, or one above the other."""
    bands = np.eye(3, dtype=np.uint8) * 255
    length = height if upright else width
    line = bands[np.arange(length) * 3 // length]
    image = np.broadcast_to(line[:, None] if upright else line[None], (height, width, 3))
    return np.ascontiguousarray(image)


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
@pytest.mark.parametrize("source", [(1, 1), (1, 100), (100, 1), (33, 77), (480, 270), (2000, 3000)])
@pytest.mark.parametrize("target", [(1, 1), (1, 50), (50, 1), (36, 64), (101, 57)])
def test_always_the_size_asked_for(fit, source, target):
    image = np.full((*source, 3), 9, np.uint8)
    fitted = fit_into(image, target[1], target[0], fit)
    assert fitted.shape == (*target, 3)
    assert fitted.flags.c_contiguous
    assert set(np.unique(fitted)) <= ({0, 9} if fit == "contain" else {9})
    assert fitted.any()


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
def test_the_same_size_is_the_same_picture(fit):
    image = np.random.default_rng(0).integers(0, 256, (36, 64, 3), np.uint8)
    assert np.array_equal(fit_into(image, 64, 36, fit), image)


def test_cover_cuts_off_both_sides_equally():
    wide = fit_into(thirds(30, 90), 30, 30, "cover")
    assert (wide == (0, 255, 0)).all()  # the middle third alone
    tall = fit_into(thirds(90, 30, upright=True), 60, 60, "cover")
    assert (tall == (0, 255, 0)).all()


def test_contain_shows_everything_between_equal_black_bars():
    fitted = fit_into(thirds(30, 90), 90, 90, "contain")
    assert not fitted[:30].any()
    assert not fitted[60:].any()
    assert np.array_equal(fitted[30:60], thirds(30, 90))
    beside = fit_into(thirds(90, 30, upright=True), 90, 90, "contain")
    assert not beside[:, :30].any()
    assert not beside[:, 60:].any()
    assert np.array_equal(beside[:, 30:60], thirds(90, 30, upright=True))


def test_stretch_shows_everything_everywhere():
    fitted = fit_into(thirds(30, 90), 30, 90, "stretch")
    assert np.array_equal(fitted[:, [4, 15, 25]], np.broadcast_to(np.eye(3, dtype=np.uint8) * 255, (90, 3, 3)))


def test_pixels_that_are_not_square():
    seen_wide = Fraction(2)  # 45 columns seen as 90
    fitted = fit_into(thirds(30, 45), 90, 90, "contain", seen_wide)
    assert not fitted[:30].any()
    assert (fitted[30:60].max(axis=-1) > 120).all()
    assert (fit_into(thirds(30, 45), 30, 30, "cover", seen_wide) == (0, 255, 0)).all()
    assert fit_into(thirds(30, 90), 45, 30, "cover", Fraction(1, 2)).shape == (30, 45, 3)


def test_shrinking_skips_no_pixel():
    """Fine lines become gray and not moiré."""
    image = np.zeros((1080, 1920, 3), np.uint8)
    image[:, ::2] = 255
    for width, height in ((960, 540), (640, 360), (320, 180)):
        fitted = fit_into(image, width, height, "cover").astype(int)
        assert np.abs(fitted - 127.5).max() <= 1
