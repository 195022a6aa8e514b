"""Motion: known shifts are found, what cannot be known is not trusted, cuts are cuts, and no size is too odd."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from livebg.frame import Frame
from livebg.motion import (
    LONG_SIDE,
    Motion,
    MotionTracker,
    backwards,
    between,
    chain,
    gray_of,
    nothing_in_common,
    trust_at,
    warp,
)


def pattern(height: int = 180, width: int = 320, seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(20, 236, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def moved(image: np.ndarray, dx: float, dy: float = 0.0) -> np.ndarray:
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    return cv2.warpAffine(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REFLECT)


INNER = (slice(20, -20), slice(20, -20))


@pytest.mark.parametrize("dx", [-6.0, -0.5, 0.0, 0.25, 3.0])
def test_a_shift_is_found_and_trusted(dx):
    image = pattern()
    motion = between(gray_of(image), gray_of(moved(image, dx)))
    assert np.abs(motion.flow[INNER][..., 0] + dx).mean() < 0.15  # backward: it came from where it was
    assert np.abs(motion.flow[INNER][..., 1]).mean() < 0.15
    assert motion.trust[INNER].mean() > 0.95
    assert not motion.cut
    assert motion.trust.dtype == motion.flow.dtype == np.float32


def test_a_changed_exposure_is_no_change():
    image = pattern()
    darker = cv2.convertScaleAbs(moved(image, 2), alpha=0.92, beta=4)
    assert between(gray_of(image), gray_of(darker)).trust[INNER].mean() > 0.9


def test_what_appears_is_not_trusted_and_the_rest_is():
    image = pattern()
    after = image.copy()
    after[60:120, 100:180] = pattern(60, 80, seed=9)
    motion = between(gray_of(image), gray_of(after))
    assert motion.trust[65:115, 105:175].mean() < 0.3
    assert motion.trust[:50].mean() > 0.95


def test_another_scene_is_a_cut():
    motion = between(gray_of(pattern(seed=1)), gray_of(pattern(seed=2)))
    assert motion.cut
    assert not motion.trust.any()


def test_a_sudden_change_of_exposure_is_a_cut():
    image = pattern()
    assert between(gray_of(image), gray_of(cv2.convertScaleAbs(image, alpha=0.6))).cut


def test_noise_on_a_picture_that_stands_is_trusted():
    image = pattern().astype(np.float32)
    rng = np.random.default_rng(0)
    first, second = (np.clip(image + rng.normal(0, 3, image.shape), 0, 255).astype(np.uint8) for _ in range(2))
    motion = between(gray_of(first), gray_of(second))
    assert motion.trust.mean() > 0.95
    assert np.abs(motion.flow).mean() < 0.1


def test_grays_of_two_sizes_have_no_motion():
    with pytest.raises(ValueError, match="pictures of one size"):
        between(gray_of(pattern(180, 320)), gray_of(pattern(200, 320)))


def test_the_tracker_follows_forgets_and_sees_other_sizes():
    tracker = MotionTracker()
    first, second = Frame(pattern()), Frame(moved(pattern(), 2))
    assert tracker.follow(first) is None
    motion = tracker.follow(second)
    assert motion is not None
    assert not motion.cut
    other = tracker.follow(Frame(pattern(360, 640)))  # the gray pictures are of one size, the frames are not
    assert other is not None
    assert other.cut
    assert not other.trust.any()
    tracker.reset()
    assert tracker.follow(first) is None


def test_a_tracker_for_both_ways_measures_onward_as_finely():
    first, second = Frame(pattern()), Frame(moved(pattern(), 2.5))
    fine, turned = MotionTracker(both_ways=True), MotionTracker()
    fine.follow(first)
    turned.follow(second)
    there, back = fine.follow(second), turned.follow(first)
    assert there is not None
    assert back is not None
    assert (there.onward == back.flow).all()


def test_the_tracker_keeps_no_picture_that_it_handed_out():
    tracker = MotionTracker()
    tracker.follow(Frame(pattern()))
    motions = [tracker.follow(Frame(moved(pattern(), dx))) for dx in (1, 3, 6)]
    flows = [motion.flow[INNER][..., 0].mean() for motion in motions if motion is not None]
    assert flows == pytest.approx([-1, -2, -3], abs=0.2)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 3), (17, 40), (100, 1000), (4320, 7680)])
def test_every_size_has_motion(size):
    tracker = MotionTracker()
    image = np.full((*size, 3), 90, np.uint8)
    tracker.follow(Frame(image))
    motion = tracker.follow(Frame(image))
    assert motion is not None
    assert np.isfinite(motion.flow).all()
    assert motion.trust.min() == 1
    assert max(motion.trust.shape) <= LONG_SIDE
    assert np.allclose(warp(np.full((5, 7), 0.25, np.float32), motion), 0.25)


@pytest.mark.parametrize("channels", [(), (3,), (4,)])
def test_gray_of_takes_every_kind_of_image(channels):
    gray = gray_of(np.full((90, 160, *channels), 128, np.uint8))
    assert gray.shape == (90, 160)
    assert np.abs(gray.astype(int) - 128).max() <= 1
    assert gray_of(Frame(np.full((90, 160, *channels), 7, np.uint8)), into=gray) is gray
    assert gray.max() <= 8


def ball(at: float, size: tuple[int, int] = (96, 128)) -> np.ndarray:
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]]
    distance = np.hypot((columns + 0.5) / size[1] - at, ((rows + 0.5) / size[0] - 0.5) * 9 / 16)
    return np.clip((0.15 - distance) * 60, 0, 1).astype(np.float32)


def test_a_matte_of_any_size_goes_with_its_picture():
    image = pattern()
    motion = between(gray_of(image), gray_of(moved(image, 8)))  # a fortieth of the picture
    for size in ((96, 128), (320, 320), (180, 320), (720, 1280)):
        assert np.abs(warp(ball(0.4, size), motion) - ball(0.425, size)).mean() < 0.005
    both = np.dstack([ball(0.4), 1 - ball(0.4)])
    into = np.empty_like(both)
    assert warp(both, motion, into=into) is into
    assert np.allclose(into.sum(axis=2), 1, atol=1e-5)


def test_two_steps_are_one():
    image = pattern()
    grays = [gray_of(moved(image, dx)) for dx in (0, 4, 9)]
    chained = chain(between(grays[0], grays[1]), between(grays[1], grays[2]))
    assert np.abs(chained.flow[INNER][..., 0] + 9).mean() < 0.3
    assert chained.trust[INNER].mean() > 0.9
    assert chain(nothing_in_common(8, 8), chained).cut
    with pytest.raises(ValueError, match="not measured onward"):
        backwards(chained)
    with pytest.raises(ValueError, match="one grid"):
        chain(Motion(np.zeros((8, 8, 2), np.float32), np.ones((8, 8), np.float32)), chained)


def test_a_step_seen_from_the_other_end():
    image = pattern()
    back = backwards(between(gray_of(image), gray_of(moved(image, 5))))
    assert np.abs(back.flow[INNER][..., 0] - 5).mean() < 0.2
    assert back.trust[INNER].mean() > 0.9
    assert backwards(nothing_in_common(4, 4)).cut
    with pytest.raises(ValueError, match="not measured onward"):
        backwards(Motion(np.zeros((8, 8, 2), np.float32), np.ones((8, 8), np.float32)))


def test_trust_on_a_mattes_grid_spans_the_frame():
    trust = np.zeros((10, 20), np.float32)
    trust[:, 10:] = 1
    spread = trust_at(Motion(np.zeros((10, 20, 2), np.float32), trust), 40, 40)
    assert spread.shape == (40, 40)
    assert spread[:, :18].max() == 0
    assert spread[:, 22:].min() == 1
