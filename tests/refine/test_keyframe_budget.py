"""Live, refining takes no more of the time than its share: what a keyframe took decides when the next may come."""

from __future__ import annotations

import numpy as np
import pytest

from livebg.refine import beside
from tests.refine.scenes import drafts
from tests.refine.test_beside import until
from tests.refine.test_keyframe_refiner import SPEED, idle, live


class Slow:
    """Gives back what it gets; a clock of its own says how long it took."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.now = 0.0

    def alpha(self, image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        self.now += self._seconds
        return alpha


@pytest.mark.parametrize(("share", "apart"), [(0.5, 5), (0.25, 9), (None, 1)])
def test_the_next_keyframe_waits_for_what_the_last_one_took(share, apart, monkeypatch):
    expert = Slow(0.09)  # at half the time none for 0.18 s after its start, at 25 frames a second
    monkeypatch.setattr(beside, "monotonic", lambda: expert.now)
    keyframes = []
    with live(expert, every=1, share=share) as refiner:
        for index, draft in enumerate(drafts(12, SPEED)):
            before = refiner.report.keyframes
            refiner.refine(draft)
            until(idle(refiner))
            keyframes += [index] * (refiner.report.keyframes - before)
    assert keyframes == list(range(0, 12, apart))
    assert refiner.report.waited == 0, "what waits for the budget is not counted"
