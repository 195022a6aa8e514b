"""Cameras: fair ones, and poor ones that are bad in a way that can be told from the picture."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from livebg.train import camera as cameras
from livebg.train.camera import Camera, draw_camera
from livebg.train.shots import shoot

HEIGHT, WIDTH = 120, 160
SHARP = Camera(
    np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1),
    gray=0.0, light=None, focus=0.0, coarse=1.0, shake=0, noise=0.0, quality=0,
)  # fmt: skip


@pytest.fixture
def halves() -> np.ndarray:
    """Black to the left, white to the right."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[:, WIDTH // 2 :] = 255
    return picture


def shot(picture: np.ndarray, way, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return way(rng, SHARP, HEIGHT).shoot(picture, rng)


@pytest.mark.parametrize("poor", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_a_camera_keeps_shape_and_type(seed, poor):
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (48, 64, 3), np.uint8)
    found = draw_camera(rng, 48, poor).shoot(picture, rng)
    assert found.shape == picture.shape
    assert found.dtype == np.uint8


def test_a_sharp_camera_changes_nothing(halves):
    assert np.array_equal(SHARP.shoot(halves, np.random.default_rng(0)), halves)


def test_as_many_are_poor_as_asked():
    def poor(seed, odds):
        same, other = (draw_camera(np.random.default_rng(seed), HEIGHT, each) for each in (0.0, odds))
        return any(
            not np.array_equal(getattr(same, name), getattr(other, name)) for name in Camera.__dataclass_fields__
        )

    assert not any(poor(seed, 0.0) for seed in range(50))
    assert 50 < sum(poor(seed, 0.3) for seed in range(300)) < 130
    assert sum(poor(seed, 1.0) for seed in range(100)) > 95


def test_every_way_of_being_poor_is_drawn(monkeypatch):
    drawn = Counter()

    def counted(way):
        return lambda *all_of: drawn.update([way.__name__]) or way(*all_of)

    monkeypatch.setattr(cameras, "_WAYS", tuple(map(counted, cameras._WAYS)))
    for seed in range(200):
        draw_camera(np.random.default_rng(seed), HEIGHT, 1.0)
    assert set(drawn) == {"_dark", "_hazy", "_grainy", "_out_of_focus", "_shaken", "_coarse", "_squeezed"}
    assert 250 < drawn.total() < 350  # one or two each
    assert min(drawn.values()) > 20


@pytest.mark.parametrize("seed", range(5))
def test_dark_rooms_are_dark_and_hazy_ones_have_no_black(seed, halves):
    assert 20 < np.median(shot(halves, cameras._dark, seed)[:, 100:]) <= 135
    hazy = shot(halves, cameras._hazy, seed)
    assert hazy.min() > 70
    assert hazy.max() == 255


@pytest.mark.parametrize("seed", range(5))
def test_grain_is_of_pixels_that_are_real(seed):
    gray = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    assert 7 < shot(gray, cameras._grainy, seed).std() < 34
    rng = np.random.default_rng(seed)
    coarse = replace(SHARP, noise=20.0, coarse=0.25).shoot(gray, rng).astype(float)
    neighbours = np.corrcoef(coarse[:, :-1].ravel(), coarse[:, 1:].ravel())[0, 1]
    assert neighbours > 0.8  # it is enlarged with the picture


@pytest.fixture
def fine() -> np.ndarray:
    """No two neighbours alike."""
    return np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 1), np.uint8).repeat(3, axis=2)


@pytest.mark.parametrize("way", [cameras._out_of_focus, cameras._shaken, cameras._coarse])
def test_what_is_fine_is_lost(way, fine):
    kept = [shot(fine, way, seed).std() / fine.std() for seed in range(12)]
    assert max(kept) <= 1
    assert sum(each < 0.7 for each in kept) > 5


def test_what_is_squeezed_is_far_from_what_it_was(fine):
    lost = [np.abs(shot(fine, cameras._squeezed, seed).astype(float) - fine).mean() for seed in range(12)]
    fair = replace(SHARP, quality=90).shoot(fine, np.random.default_rng(0))
    assert min(lost) > 1.5 * np.abs(fair.astype(float) - fine).mean()


@pytest.mark.parametrize("seed", range(6))
def test_an_alpha_is_as_soft_as_its_picture(seed, halves):
    for way in (cameras._out_of_focus, cameras._shaken):
        camera = way(np.random.default_rng(seed), SHARP, HEIGHT)
        picture = camera.shoot(halves, np.random.default_rng(0))
        assert np.array_equal(camera.blurred(halves[..., 0]), picture[..., 0])


def test_a_smear_has_its_length_and_direction():
    dot = np.zeros((41, 41), np.uint8)
    dot[20, 20] = 255
    across = replace(SHARP, shake=15).blurred(dot)
    down = replace(SHARP, shake=15, direction=np.pi / 2).blurred(dot)
    assert (np.flatnonzero(across.any(axis=0))[[0, -1]] == [13, 27]).all()
    assert np.array_equal(down, across.T)
    assert abs(float(across.sum()) - 255) < 15


def test_training_sees_poor_cameras_and_alphas_that_are_soft_with_them(library, recipe):
    def shots(poor):
        scenes = recipe.scenes.model_copy(update={"poor": poor, "as_taken": 0.0, "empty": 0.0})
        plan = recipe.model_copy(update={"scenes": scenes, "size": (256, 192)})
        return [shoot(np.random.default_rng(seed), library.train, plan, 1, False) for seed in range(60)]

    softer = 0
    for fair, poor in zip(shots(0.0), shots(1.0), strict=True):
        for (_, sharp), (_, soft) in zip(fair, poor, strict=True):
            edges = [np.abs(np.diff(each.astype(float), axis=1)).max() for each in (sharp, soft)]
            assert edges[1] <= edges[0] + 1
            softer += edges[1] < 0.7 * edges[0]
    assert softer > 3
