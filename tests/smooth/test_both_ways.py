"""A frame that waits: steadied by what follows where motion is whole on both its sides, else by pairs around it."""

from __future__ import annotations

import numpy as np
import pytest

from livebg.frame import Matte
from livebg.motion import MotionTracker
from livebg.smooth.both_ways import _HINDSIGHT, BothWays
from livebg.stages import Draft
from tests.smooth.scenes import SIZE, scene

OWN, STEADY, LATER = 0.2, 0.6, 0.8


def flat(value: float) -> np.ndarray:
    return np.full((SIZE // 2, SIZE // 2), value, np.float32)


def halves(left: float, right: float) -> np.ndarray:
    return np.hstack([flat(left)[:, : SIZE // 4], flat(right)[:, : SIZE // 4]])


@pytest.mark.parametrize("torn", ["before", "onward"])
def test_where_motion_tears_on_one_side_the_average_of_one_side_does_not_count(torn):
    """The left half tears on the way to the middle frame, or on the way from it."""
    frame, _ = scene()
    tracker, waiting = MotionTracker(both_ways=True), BothWays()
    wholes = {"before": (None, halves(0, 1), flat(1)), "onward": (None, flat(1), halves(0, 1))}[torn]
    for steady, whole in zip((OWN, STEADY, LATER), wholes, strict=True):
        waiting.add(Draft(frame, Matte(flat(OWN)), tracker.follow(frame)), flat(steady), flat(OWN), whole)
    waiting.take()
    middle = waiting.take().matte.alpha[8:-8]
    left, right = middle[:, 8 : SIZE // 4 - 8], middle[:, SIZE // 4 + 8 : -8]
    assert np.allclose(left, OWN, atol=1e-3)
    assert np.allclose(right, STEADY + _HINDSIGHT * (LATER - STEADY), atol=1e-2)
