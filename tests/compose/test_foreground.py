"""The subject's own colour: on composites whose true foreground is known, and what must not change."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from livebg.compose import Compositor, Plain, Transparent
from livebg.compose.foreground import LEAST, Foreground
from livebg.frame import Frame, Matte
from tests.compose.known import Known, drawn, keyed, mean_error

SIZES = [(1, 1), (1, 2), (2, 1), (1, 700), (700, 1), (3, 5), (37, 53), (241, 427), (300, 1000)]


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def mattes(height: int, width: int) -> list[np.ndarray]:
    ramp = np.clip(np.linspace(-0.5, 1.5, width, dtype=np.float32), 0, 1)
    return [
        np.zeros((height, width), np.float32),
        np.ones((height, width), np.float32),
        np.full((height, width), 0.5, np.float32),
        np.repeat(ramp[None], height, axis=0),
        np.random.default_rng(1).random((height, width), np.float32),
    ]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_outside_the_band_every_picture_stays_as_it_is_to_the_bit(height, width):
    image, foreground = noise(height, width), Foreground()
    kept = image.copy()
    for alpha in mattes(height, width):
        result = foreground.estimate(image, alpha)
        assert result.shape == image.shape
        assert result.dtype == np.uint8
        outside = (alpha <= LEAST) | (alpha >= 1 - LEAST)
        assert np.array_equal(result[outside], image[outside])
        assert np.array_equal(image, kept)
        assert not np.shares_memory(result, image)


def test_every_pixel_of_the_band_is_found_in_every_strip():
    alpha = np.zeros((700, 901), np.float32)  # several strips, and a width that is no multiple of eight
    alpha[:, 300:600] = 1
    band = np.random.default_rng(2).random(alpha.shape) < 0.02
    alpha[band] = 0.5
    image = np.zeros((700, 901, 3), np.uint8)
    image[..., 0] = 200
    image[alpha == 1] = (0, 100, 0)
    image[band] = (100, 50, 0)
    result = Foreground().estimate(image, alpha)
    changed = (result != image).any(axis=2)
    assert not changed[~band].any()
    assert changed[band].mean() > 0.99
    middle = band.copy()
    middle[:, :250], middle[:, 650:] = False, False
    assert np.abs(result[middle].astype(int) - (0, 100, 0)).mean() < 12


@pytest.mark.parametrize("size", [(180, 320), (720, 1280)])
@pytest.mark.parametrize("soft", [2, 12])
def test_an_even_subject_over_an_even_room_is_found(size, soft):
    case = drawn(*size, soft=soft)
    result = Foreground().estimate(case.image, case.alpha)
    assert mean_error(result, case) < 0.2 * mean_error(case.image, case)


@pytest.mark.parametrize("kind", ["wider", "narrower", "aside"])
def test_a_matte_that_is_a_little_wrong_leaves_less_of_the_room_than_there_was(kind):
    case = drawn(360, 640, soft=8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    wrong = {
        "wider": lambda: cv2.dilate(case.alpha, disc),
        "narrower": lambda: cv2.erode(case.alpha, disc),
        "aside": lambda: np.roll(case.alpha, 2, axis=1),
    }[kind]()
    case = case._replace(alpha=np.asarray(wrong, np.float32))
    result = Foreground().estimate(case.image, case.alpha)
    assert mean_error(result, case) < 0.5 * mean_error(case.image, case)


@pytest.mark.parametrize("folder", ["cutouts200", "grid_key"])
def test_people_over_saturated_rooms_lose_more_than_half_of_the_error(shared_data, folder):
    cases = keyed(shared_data / "people", folder, count=6)
    foreground = Foreground()
    before = [mean_error(case.image, case) for case in cases]
    after = [mean_error(foreground.estimate(case.image, case.alpha), case) for case in cases]
    assert np.mean(after) < 0.5 * np.mean(before)


def test_a_result_depends_on_nothing_before_it():
    small, large = drawn(120, 160, soft=6), drawn(300, 400, soft=9)
    foreground = Foreground()
    first = foreground.estimate(small.image, small.alpha).copy()
    foreground.estimate(large.image, large.alpha)
    foreground.estimate(small.image, 1 - small.alpha)
    assert np.array_equal(foreground.estimate(small.image, small.alpha), first)


def test_a_matte_that_is_a_view_is_taken_as_it_is():
    case = drawn(120, 160, soft=6)
    view = np.repeat(case.alpha, 2, axis=1)[:, ::2]
    assert not view.flags.c_contiguous
    expected = Foreground().estimate(case.image, case.alpha)
    assert np.array_equal(Foreground().estimate(case.image, view), expected)


def test_the_compositor_shows_no_halo_of_the_old_room():
    case = drawn(360, 640, soft=10)
    new = np.array([250, 250, 250])
    truth = case.alpha[..., None] * case.subject + (1 - case.alpha[..., None]) * new
    frame, matte = Frame(case.image), Matte(case.alpha)
    plain = Compositor(Plain((250, 250, 250))).compose(frame, matte).image
    clean = Compositor(Plain((250, 250, 250)), decontaminate=True).compose(frame, matte).image
    band = (case.alpha > 0) & (case.alpha < 1)
    assert np.abs(clean - truth)[band].mean() < 0.2 * np.abs(plain - truth)[band].mean()
    assert np.array_equal(clean[~band], plain[~band])


def test_what_is_cut_out_carries_the_subjects_colours():
    case = drawn(360, 640, soft=10)
    cut = Compositor(Transparent(), decontaminate=True).compose(Frame(case.image), Matte(case.alpha)).image
    assert np.array_equal(cut[..., 3], Matte(case.alpha).as_image())
    assert not cut[cut[..., 3] == 0].any()
    visible = Known(case.image, case.alpha * (cut[..., 3] > 0), case.subject)
    assert mean_error(np.ascontiguousarray(cut[..., :3]), visible) < 0.2 * mean_error(case.image, visible)
