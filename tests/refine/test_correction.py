"""A keyframe's correction says the refined alpha where the picture is the keyframe's, and follows colour where not."""

from __future__ import annotations

import cv2
import numpy as np

from livebg.refine.correction import NOTHING, Correction, find
from tests.refine.scenes import HEIGHT, WIDTH, coarse, image, truth


def before() -> np.ndarray:
    return cv2.resize(coarse(0), (WIDTH, HEIGHT))


def said(correction: Correction, picture: np.ndarray) -> np.ndarray:
    """The refined alpha that it gives for a picture."""
    return (correction.model[..., :3] * picture).sum(axis=-1) + correction.model[..., 3]


def test_in_the_keyframe_itself_it_is_the_refined_alpha():
    correction = find(image(0), before(), truth(0))
    assert np.abs(said(correction, image(0)) - truth(0)).max() < 1e-4
    assert (correction.before == before()).all()
    assert ((correction.changed == 1) == (np.abs(truth(0) - before()) > NOTHING)).all()


def test_a_pixel_half_covered_is_half_there_although_the_keyframes_was_not():
    """A white square before black, refined; a pixel that the edge then runs through."""
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[10:30, 10:30] = 255
    after = picture[..., 0].astype(np.float32) / 255
    correction = find(picture, cv2.blur(after, (7, 7)), after)
    later = picture.copy()
    later[10:30, 9] = 128
    alpha = said(correction, later)
    assert np.abs(alpha[13:27, 9] - 0.5).max() < 0.05
    assert np.abs(alpha[13:27, 5] - 0).max() < 1e-4


def test_where_colour_says_nothing_alpha_itself_is_carried():
    flat = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    correction = find(flat, before(), truth(0))
    assert np.abs(correction.model[..., :3]).max() < 1e-5
    assert np.abs(correction.model[..., 3] - truth(0)).max() < 1e-3


def test_noise_of_a_sensor_moves_alpha_little():
    noise = np.random.default_rng(5).normal(0, 3, (HEIGHT, WIDTH, 3))
    noisy = np.clip(image(0) + noise, 0, 255).astype(np.uint8)
    correction = find(image(0), before(), truth(0))
    assert np.abs(said(correction, noisy) - truth(0)).mean() < 0.1 * np.abs(before() - truth(0)).mean()
