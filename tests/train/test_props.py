"""Places that somebody left: nothing of them stays."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from livebg.train.folders import Subject
from livebg.train.props import emptied


def somebody(shape: tuple[int, int], centre: tuple[int, int], axes: tuple[int, int]) -> Subject:
    """Red, before what is green on the left and blue on the right."""
    image = np.zeros((*shape, 3), np.uint8)
    half = shape[1] // 2
    image[:, :half, 1], image[:, half:, 2] = 200, 200
    alpha = np.zeros(shape, np.uint8)
    cv2.ellipse(alpha, centre, axes, 0, 0, 360, 255, -1)
    image[alpha > 0] = (255, 0, 0)
    return Subject("any", "who", image, alpha, False, (0, 0, *shape[::-1]), (False,) * 4)


@pytest.mark.parametrize("shape", [(120, 90), (300, 400)])
@pytest.mark.parametrize(
    ("across", "down", "wide", "tall"), [(0.35, 0.7, 0.22, 0.45), (0.5, 0.6, 0.3, 0.4), (0.62, 0.9, 0.4, 0.5)]
)
def test_who_left_a_place_is_gone_from_it(shape, across, down, wide, tall):
    height, width = shape
    subject = somebody(shape, (int(across * width), int(down * height)), (int(wide * width), int(tall * height)))
    before = subject.image.copy()
    place = emptied(subject)
    assert (place.shape, place.dtype) == (before.shape, np.uint8)
    assert np.array_equal(subject.image, before)
    body = subject.alpha > 0
    assert place[body][:, 0].max() < 30
    assert (place[body][:, 1:].sum(axis=-1) > 100).all()
    far = cv2.dilate(subject.alpha, np.ones((61, 61), np.uint8)) == 0
    assert np.array_equal(place[far], before[far])


def test_what_the_mirror_image_knows_is_taken_from_it():
    subject = somebody((120, 90), (20, 90), (14, 25))
    assert np.abs(emptied(subject)[80:100, 12:28].astype(int) - (0, 0, 200)).max() < 10


@pytest.mark.parametrize("free", [0, 8])
def test_who_fills_the_picture_leaves_a_wall(free):
    image = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    alpha = np.full((40, 30), 255, np.uint8)
    alpha[:free, :free] = 0
    place = emptied(Subject("any", "who", image, alpha, False, (0, 0, 30, 40), (True,) * 4))
    assert place.shape == (40, 30, 3)
    assert np.abs(place[20:].astype(int) - place[30, 15]).max() <= 1
