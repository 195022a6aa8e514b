"""Corrections follow the motion and the picture, fade where motion is unsure, and yield to the frame's own matte."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

from livebg.motion import Motion
from livebg.refine.carry import Keyframe
from livebg.refine.correction import find
from tests.refine.scenes import HEIGHT, WIDTH, coarse, drafts, error, image, truth


def moving(dx: float = 0, dy: float = 0, trust: float = 1, shape: tuple[int, int] = (48, 64)) -> Motion:
    """All that is there lay ``dx``, ``dy`` small pixels away before."""
    flow = np.empty((*shape, 2), np.float32)
    flow[..., 0], flow[..., 1] = dx, dy
    return Motion(flow, np.full(shape, trust, np.float32))


def base(index: int, speed: float = 1.5) -> np.ndarray:
    return cv2.resize(coarse(index, speed), (WIDTH, HEIGHT))


PICTURE = image(0)


def keyframe(speed: float = 1.5) -> Keyframe:
    before = base(0, speed)
    made = Keyframe(Fraction(0), before, before.shape)
    made.correct(find(image(0, speed), before, truth(0, speed)))
    return made


def onto(made: Keyframe, now: np.ndarray, picture: np.ndarray = PICTURE) -> np.ndarray:
    """The corrected alpha, and the one given as it was."""
    alpha = now.copy()
    corrected = made.onto(picture, alpha)
    assert corrected or (alpha == now).all()
    return alpha


def moved(each: np.ndarray, dx: float) -> np.ndarray:
    return cv2.warpAffine(each, np.float32([[1, 0, dx], [0, 1, 0]]), (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)


def test_a_correction_moves_with_its_frame():
    """A disc that moves by 16 pixels: 4 of the small grid, in two steps."""
    made = keyframe()
    halfway, now, best = (moved(each, dx) for each, dx in ((base(0), 6), (base(0), 16), (truth(0), 16)))
    made.follow(moving(dx=-1.5), halfway)
    made.follow(moving(dx=-2.5), now)
    assert np.abs(onto(made, now, moved(PICTURE, 16)) - best).mean() < 0.05 * np.abs(now - best).mean()


@pytest.mark.parametrize("speed", [0.5, 3])
def test_along_measured_motion_most_of_the_gain_is_kept_for_long(speed):
    made = keyframe(speed)
    for draft in drafts(11, speed)[1:]:
        index = draft.frame.index
        now = base(index, speed)
        made.follow(draft.motion, draft.matte.alpha)
        assert error(onto(made, now, draft.frame.image), index, speed) < 0.5 * error(now, index, speed)


def test_motion_that_misses_a_movement_is_set_right_by_the_mattes():
    """The flow says that all stands still while the disc moves 8 pixels; the picture is flat, so no colour helps."""
    flat = np.full_like(PICTURE, 128)
    made = Keyframe(Fraction(0), base(0), (HEIGHT, WIDTH))
    made.correct(find(flat, base(0), truth(0)))
    for dx in range(1, 9):
        now, best = moved(base(0), dx), moved(truth(0), dx)
        made.follow(moving(shape=(96, 128)), now)
    assert np.abs(onto(made, now, flat) - best).mean() < 0.75 * np.abs(now - best).mean()


def test_what_motion_and_mattes_miss_is_found_by_colour():
    """The edge moves by a pixel, and nobody says so but the picture."""
    made, best = keyframe(), moved(truth(0), 1)
    made.follow(moving(), base(0))
    plain = np.abs(onto(made, base(0)) - best).mean()
    assert np.abs(onto(made, base(0), moved(PICTURE, 1)) - best).mean() < 0.6 * plain


def test_it_fades_with_trust_and_is_gone_where_there_is_none():
    changes = []
    for trust in (1.0, 0.5, 0.2):
        made = keyframe()
        made.follow(moving(trust=trust), base(0))
        changes.append(np.abs(onto(made, base(0)) - base(0)).mean())
    assert changes[0] > changes[1] > changes[2] == 0


def test_trust_is_looked_up_where_a_pixels_middle_lies():
    """A small pixel is four wide: its own trust holds at its middle, between the second and the third of them."""
    whole, half = keyframe(), keyframe()
    motion = moving()
    motion.trust[:, 32:] = 0  # 1 at x = 125.5, 0 at 129.5: sure until 126.5, gone from 128.5
    whole.follow(moving(), base(0))
    half.follow(motion, base(0))
    whole, half = (np.abs(onto(made, base(0)) - base(0)) for made in (whole, half))
    assert (half[:, :127] == whole[:, :127]).all()
    assert 0 < half[:, 127].max() < whole[:, 127].max()
    assert 0 < half[:, 128].max() < half[:, 127].max()
    assert not half[:, 129:].any()
    assert whole[:, 129:].any()


def test_trust_of_steps_multiplies():
    made = keyframe()
    for _ in range(10):
        made.follow(moving(trust=0.8), base(0))
    assert (onto(made, base(0)) == base(0)).all()


def test_where_the_frames_own_matte_is_another_it_stays_as_it_is():
    made, gone = keyframe(), np.zeros_like(base(0))
    made.follow(moving(), gone)
    assert onto(made, gone).mean() < 0.05 * np.abs(truth(0) - base(0)).mean()


def test_a_pixel_never_passes_the_refined_value():
    made = keyframe()
    halfway = (base(0) + truth(0)) / 2
    made.follow(moving(), base(0))
    carried = onto(made, halfway)
    assert (carried >= np.minimum(halfway, truth(0)) - 1e-5).all()
    assert (carried <= np.maximum(halfway, truth(0)) + 1e-5).all()


def test_colours_that_nobody_saw_before_leave_alpha_in_its_range():
    made = keyframe()
    made.follow(moving(), base(0))
    for picture in (255 - PICTURE, np.zeros_like(PICTURE), np.full_like(PICTURE, 255)):
        alpha = onto(made, base(0), picture)
        assert alpha.min() >= 0
        assert alpha.max() <= 1


def test_with_nothing_to_correct_the_matte_stays_as_it_is():
    now = base(0)
    assert find(PICTURE, now, now) is None
    for made in (Keyframe(Fraction(0), now, now.shape), keyframe()):
        assert not made.onto(PICTURE, now.copy()), "no motion since"
    made = Keyframe(Fraction(0), now, now.shape)
    made.follow(moving(), now)
    assert not made.onto(PICTURE, now)
    assert (now == base(0)).all()


def test_fit_tells_a_matte_that_moved_away_and_trust_that_is_lost():
    made = keyframe()
    assert made.fit() == (0, 1)
    made.follow(moving(trust=0.9), base(0))
    good = made.fit()
    assert good.residual < 0.02
    assert good.trust == pytest.approx(0.9, abs=0.01)
    for other in (cv2.warpAffine(base(0), np.float32([[1, 0, 40], [0, 1, 0]]), (WIDTH, HEIGHT)), 0 * base(0)):
        made = keyframe()
        made.follow(moving(), other)
        assert made.fit().residual > 0.5


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (700, 1), (5, 3), (1080, 1920)])
def test_the_smallest_frames_and_one_in_which_everything_changed(shape):
    nothing, picture = np.zeros(shape, np.float32), np.zeros((*shape, 3), np.uint8)
    made = Keyframe(Fraction(0), nothing, shape)
    made.correct(find(picture, nothing, np.ones(shape, np.float32)))
    made.follow(moving(shape=(32, 32)), nothing)
    assert made.fit() == (0, 1)
    assert (onto(made, nothing, picture) == 1).all()
