"""Corrections follow the motion, fade where it is unsure, and yield to the frame's own matte."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

from livebg.motion import Motion
from livebg.refine.carry import Keyframe
from tests.refine.scenes import HEIGHT, WIDTH, coarse, drafts, error, truth


def moving(dx: float = 0, dy: float = 0, trust: float = 1, shape: tuple[int, int] = (48, 64)) -> Motion:
    """All that is there lay ``dx``, ``dy`` small pixels away before."""
    flow = np.empty((*shape, 2), np.float32)
    flow[..., 0], flow[..., 1] = dx, dy
    return Motion(flow, np.full(shape, trust, np.float32))


def base(index: int, speed: float = 1.5) -> np.ndarray:
    return cv2.resize(coarse(index, speed), (WIDTH, HEIGHT))


PAIR = base(0), truth(0)


def keyframe(index: int = 0) -> Keyframe:
    made = Keyframe(Fraction(0), base(index))
    made.correct(truth(index))
    return made


def test_a_correction_moves_with_its_frame():
    """A disc that moves by 16 pixels: 4 of the small grid, in two steps."""
    made = keyframe()
    halfway, now, best = (
        cv2.warpAffine(each, np.float32([[1, 0, dx], [0, 1, 0]]), (WIDTH, HEIGHT))
        for each, dx in ((base(0), 6), (base(0), 16), (truth(0), 16))
    )
    made.follow(moving(dx=-1.5), halfway)
    made.follow(moving(dx=-2.5), now)
    assert np.abs(made.onto(now) - best).mean() < 0.05 * np.abs(now - best).mean()


@pytest.mark.parametrize("speed", [0.5, 3])
def test_along_measured_motion_some_of_the_gain_is_kept_for_long(speed):
    made = Keyframe(Fraction(0), base(0, speed))
    made.correct(truth(0, speed))
    for draft in drafts(11, speed)[1:]:
        index = draft.frame.index
        now = base(index, speed)
        made.follow(draft.motion, now)
        assert error(made.onto(now), index, speed) < 0.7 * error(now, index, speed)


def test_motion_that_misses_a_movement_is_set_right_by_the_mattes():
    """The flow says that all stands still while the disc moves 8 pixels."""
    made = keyframe()
    for dx in range(1, 9):
        now, best = (cv2.warpAffine(each, np.float32([[1, 0, dx], [0, 1, 0]]), (WIDTH, HEIGHT)) for each in PAIR)
        made.follow(moving(shape=(96, 128)), now)
    assert np.abs(made.onto(now) - best).mean() < 0.75 * np.abs(now - best).mean()


def test_it_fades_with_trust_and_is_gone_where_there_is_none():
    changes = []
    for trust in (1.0, 0.5, 0.2):
        made = keyframe()
        made.follow(moving(trust=trust), base(0))
        changes.append(np.abs(made.onto(base(0)) - base(0)).mean())
    assert changes[0] > changes[1] > changes[2] == 0


def test_trust_of_steps_multiplies():
    made = keyframe()
    for _ in range(10):
        made.follow(moving(trust=0.8), base(0))
    assert (made.onto(base(0)) == base(0)).all()


def test_where_the_frames_own_matte_is_another_it_stays_as_it_is():
    made, gone = keyframe(), np.zeros_like(base(0))
    made.follow(moving(), gone)
    assert made.onto(gone).mean() < 0.05 * np.abs(truth(0) - base(0)).mean()


def test_a_pixel_never_passes_the_refined_value():
    made = keyframe()
    halfway = (base(0) + truth(0)) / 2
    made.follow(moving(), base(0))
    carried = made.onto(halfway)
    assert (carried >= np.minimum(halfway, truth(0)) - 1e-6).all()
    assert (carried <= np.maximum(halfway, truth(0)) + 1e-6).all()


def test_with_nothing_to_correct_the_matte_is_given_back_itself():
    now = base(0)
    same = Keyframe(Fraction(0), now)
    same.correct(now)
    same.follow(moving(), now)
    assert same.onto(now) is now
    unknown = Keyframe(Fraction(0), now)
    unknown.follow(moving(), now)
    assert unknown.onto(now) is now


def test_the_matte_given_is_not_written_over():
    made, now = keyframe(), base(0)
    made.follow(moving(), now)
    assert made.onto(now) is not now
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


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (700, 1), (5, 3)])
def test_the_smallest_frames(shape):
    made = Keyframe(Fraction(0), np.zeros(shape, np.float32))
    made.correct(np.ones(shape, np.float32))
    made.follow(moving(shape=(32, 32)), np.zeros(shape, np.float32))
    assert made.fit() == (0, 1)
    assert (made.onto(np.zeros(shape, np.float32)) == 1).all()


def test_a_whole_frame_in_which_everything_changed():
    shape = (1080, 1920)
    made = Keyframe(Fraction(0), np.zeros(shape, np.float32))
    made.correct(np.ones(shape, np.float32))
    made.follow(moving(shape=(180, 320)), made.before)
    assert (made.onto(np.zeros(shape, np.float32)) == 1).all()
