"""Where a picture stands still: told from noise, and from what moves too little to be seen between two frames."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from livebg.still import Stillness

HEIGHT, WIDTH = 108, 192


def wall(shift: float = 0.0, *, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """A textured wall, with a textured square before it that is moved sideways."""
    rng = np.random.default_rng(1)
    picture, square = (
        cv2.resize(rng.uniform(40, 210, (12, 20, 3)).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        for _ in range(2)
    )
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    mask[30:80, 60:110] = 1
    matrix = np.float32([[1, 0, shift], [0, 1, 0]])
    mask, square = (cv2.warpAffine(each, matrix, (WIDTH, HEIGHT)) for each in (mask, square))
    picture += mask[..., None] * (square - picture)
    picture += np.random.default_rng(seed).normal(0, noise, picture.shape) if noise else 0
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def square_of(still: np.ndarray) -> float:
    """The share of the square's own pixels that stand still."""
    return float(still[34:76, 64:106].mean())


@pytest.mark.parametrize("noise", [0, 0.5, 1.5])
def test_a_still_picture_is_still_whatever_its_noise(noise):
    stillness = Stillness()
    found = [stillness.still(wall(noise=noise, seed=seed)) for seed in range(20)]
    assert not found[0].any()
    assert np.mean(found[1:]) > 0.97


@pytest.mark.parametrize("noise", [0, 0.5, 1.5])
def test_what_moves_is_seen_and_the_wall_is_still(noise):
    stillness = Stillness()
    for index in range(6):
        found = stillness.still(wall(2.0 * index, noise=noise, seed=index))
    assert square_of(found) < 0.2
    assert found[:, 130:].mean() > 0.97


def test_what_creeps_is_seen_after_a_few_frames():
    stillness = Stillness()
    found = [square_of(stillness.still(wall(0.1 * index, noise=0.5, seed=index))) for index in range(16)]
    assert found[1] > 0.9
    assert min(found[2:]) < 0.6


def test_a_cut_is_no_noise():
    stillness = Stillness()
    stillness.still(wall())
    assert stillness.still(255 - wall()).mean() < 0.1


def test_another_size_and_reset_begin_anew():
    stillness = Stillness()
    for size in ((1, 1), (1, 7), (9, 2), (9, 2), (40, 60)):
        assert stillness.still(np.zeros((*size, 3), np.uint8)).shape == size
    assert stillness.still(np.zeros((40, 60, 3), np.uint8)).all()
    stillness.reset()
    assert not stillness.still(np.zeros((40, 60, 3), np.uint8)).any()
