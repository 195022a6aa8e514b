"""Where motion tears, at once and slowly, and where it only trembles."""

from __future__ import annotations

import numpy as np
import pytest

from livebg.motion import Motion
from livebg.smooth.tears import Tears

HEIGHT, WIDTH = 60, 80


def motion(speed: float, *, noise: float = 0.0, seed: int = 0, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Motion:
    """The left half moves, the right half stands."""
    flow = np.random.default_rng(seed).normal(0, noise, (*size, 2)).astype(np.float32)
    flow[:, : size[1] // 2, 0] += speed
    return Motion(flow, np.ones(size, np.float32))


def test_it_tears_along_the_edge_and_not_far_from_it():
    whole = Tears().whole(motion(3.0), HEIGHT, WIDTH)
    assert whole.dtype == np.float32
    assert whole[:, WIDTH // 2 - 4 : WIDTH // 2 + 4].max() == 0
    assert whole[:, :20].min() == 1
    assert whole[:, -20:].min() == 1


def test_all_that_moves_as_one_is_whole():
    flow = np.full((HEIGHT, WIDTH, 2), 7.0, np.float32)
    assert Tears().whole(Motion(flow, np.ones((HEIGHT, WIDTH), np.float32)), 30, 40).min() == 1


@pytest.mark.parametrize(("speed", "torn"), [(0.17, True), (0.0, False)])
def test_a_slow_tear_is_seen_in_the_mean_and_trembling_is_not(speed, torn):
    tears = Tears()
    for index in range(12):
        whole = tears.whole(motion(speed, noise=0.08, seed=index), HEIGHT, WIDTH)
        slowly = tears.slowly_whole(HEIGHT, WIDTH)
    assert whole[:, WIDTH // 2 - 2 : WIDTH // 2 + 2].min() > 0.7
    edge = slowly[:, WIDTH // 2 - 2 : WIDTH // 2 + 2]
    assert edge.max() < 0.3 if torn else edge.min() > 0.8


def test_a_picture_of_another_size_begins_anew():
    tears = Tears()
    tears.whole(motion(3.0), HEIGHT, WIDTH)
    tears.slowly_whole(HEIGHT, WIDTH)
    tears.whole(motion(0.0, size=(40, 40)), 30, 30)
    assert tears.slowly_whole(30, 30).min() == 1
