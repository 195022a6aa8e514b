"""Pictures and mattes at other sizes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from livebg.scale import fit_into, input_sizes, quickly_scaled, scale_into, scaled, scaled_alpha


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


SIZES = [(30, 20), (100, 200), (10, 200), (200, 10), (64, 48), (201, 99), (640, 360)]


@pytest.mark.parametrize("way", [scaled, quickly_scaled])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_mean_brightness_stays(way, width, height):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    assert abs(float(way(image, 64, 48).mean()) - float(image.mean())) < 3


def test_averaging_does_not_alias_whatever_the_size():
    image = np.zeros((1080, 1920, 3), np.uint8)
    image[:, ::2] = 254  # finer than the result
    assert np.abs(scaled(image, 320, 320).astype(int) - 127).max() <= 1


def test_what_shrinks_one_way_alone_is_averaged_that_way():
    lines = np.zeros((40, 300), np.uint8)
    lines[:, ::2] = 254  # each pixel of the result sees three and a third of them
    assert np.abs(scaled(lines, 90, 80).astype(int) - 127).max() <= 30
    assert np.abs(scaled(lines.T.copy(), 80, 90).astype(int) - 127).max() <= 30


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 2), (5, 7, 3)])
def test_what_it_is_made_of_stays(shape):
    plane = np.random.default_rng(0).random(shape, np.float32)
    result = scaled(plane, 12, 9)
    assert (result.shape, result.dtype) == ((9, 12, *shape[2:]), np.float32)
    into = np.full_like(result, -1)
    scale_into(plane, into)
    assert np.array_equal(into, result)
    same = scaled(plane, 7, 5)
    assert np.array_equal(same, plane)
    assert not np.shares_memory(same, plane)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_matte_stays_within_its_bounds(width, height):
    noise = np.random.default_rng(0).random((height, width), np.float32)
    for alpha in (np.ones_like(noise), np.sign(noise - 0.5).clip(0, 1)):
        result = scaled_alpha(alpha, 77, 43)
        assert (result.min() >= 0, result.max() <= 1) == (True, True)
    assert (scaled_alpha(np.ones_like(noise), 77, 43) > 1 - 1e-6).all()


def test_a_part_of_its_very_size_is_handed_on_contiguous():
    image = np.random.default_rng(0).integers(0, 256, (36, 80, 3), dtype=np.uint8)
    part = fit_into(image, 64, 36, "cover")
    assert part.flags.c_contiguous
    assert np.array_equal(part, image[:, 8:72])


@pytest.mark.parametrize("size", [(448, 336), (336, 448)])
def test_an_input_size_is_upright_for_upright_pictures_alone(size):
    sizes = input_sizes(size)
    assert sizes.of(9, 16) == (336, 448)
    assert sizes.of(16, 9) == sizes.of(1, 1) == (448, 336)
    assert input_sizes((320, 320)).of(9, 16) == (320, 320)


def test_upright_pictures_may_have_an_input_size_of_their_own():
    sizes = input_sizes((448, 336), (384, 384))
    assert sizes.of(9, 16) == (384, 384)
    assert sizes.of(16, 9) == sizes.of(1, 1) == (448, 336)
