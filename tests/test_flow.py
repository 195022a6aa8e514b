"""Flow and its checks: what cancels meets, what differs by light alone is alike."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from livebg.flow import Flow, alike, cancelling, grid, sample


def pattern(height: int = 90, width: int = 160, seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(20, 200, (height // 8 + 1, width // 8 + 1), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def even(dx: float, dy: float = 0, size: tuple[int, int] = (90, 160)) -> np.ndarray:
    return np.broadcast_to(np.float32([dx, dy]), (*size, 2)).copy()


def test_there_and_back_find_the_same_shift():
    here, there = (np.ascontiguousarray(pattern()[:, part]) for part in (slice(3, None), slice(None, -3)))
    fine, hasty = Flow(fine_back=True), Flow()
    inner = slice(16, -16), slice(16, -16), 0
    assert np.abs(fine.there(here, there)[inner] - 3).mean() < 0.15
    assert np.abs(hasty.back(there, here)[inner] + 3).mean() < 0.3
    assert (fine.back(there, here) == fine.there(there, here)).all()
    assert (hasty.back(there, here) != fine.there(there, here)).any()


@pytest.mark.parametrize("size", [(90, 160), (91, 161), (32, 33)])
def test_flows_that_cancel_meet_but_for_what_came_from_outside(size):
    meets = cancelling(even(6, size=size), even(-6, size=size))
    assert meets.shape == size
    assert meets.dtype == np.float32
    assert meets[:, :-10].min() == 1
    assert meets[:, -4:].max() == 0


def test_flows_that_do_not_cancel_do_not_meet():
    assert cancelling(even(2), even(0)).max() == 0
    slightly = cancelling(even(0.7), even(0.1))  # .64 pixel² with a slack of .5
    assert slightly[:, :-4] == pytest.approx(2 - 0.64 / 0.505, abs=0.01)


def test_light_alone_makes_nothing_unlike():
    image = pattern()
    same = np.ones(image.shape, np.float32)
    assert alike(image, cv2.convertScaleAbs(image, alpha=0.9, beta=12), same).min() > 0.9
    changed = image.copy()
    changed[30:60, 50:90] += 50
    same[30:60, 50:90] = 0  # what does not meet says nothing of exposure
    found = alike(image, changed, same)
    assert found[34:56, 54:86].max() == 0
    assert found[:26].min() == 1


def test_a_picture_is_read_between_its_pixels_and_beyond_its_border():
    places = grid(4, 6) + np.float32([0.5, 0])
    picture = np.ascontiguousarray(grid(4, 6)[..., 0])
    assert np.allclose(sample(picture, places)[:, :5], picture[:, :5] + 0.5)
    assert np.allclose(sample(picture, places)[:, 5], 5)
    assert np.allclose(sample(picture, places + np.float32([2, 0]), outside=9)[:, 4:], 9)
