"""By how many frames mattes come late: the shift in time at which they fit the truth best.

The mean squared difference between matte t and truth t - s is taken for whole shifts s, and a parabola through the
least of them and its neighbours gives the fraction. Pictures are shrunk and blurred first: a shift in time needs no
detail in space, and the difference is a parabola in s only where edges are softer than they move from frame to frame
(between hard edges it is a V).

A lag that lies at the end of the range is only known to be at least that; it is given as it is. Where the truth moves
by less than a twentieth of the error that no shift removes, the best shift says nothing, and there is no lag.
"""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

Alpha = NDArray[np.float32]

MAX_SHIFT = 10
_LONG_SIDE = 256
_BLUR = 4.0  # pixels of the shrunk picture
_LEAST_CURVATURE = 1e-7  # mean squared alpha per frame²: below this nothing moves
_LEAST_MOTION = 0.05
_MOTION_OVER = (1, 3, MAX_SHIFT)  # frames; several, for what swings comes back


class LagMeter:
    """Takes a clip's mattes and true mattes in order; remembers the last ``MAX_SHIFT`` of each."""

    def __init__(self) -> None:
        self._ours: deque[Alpha] = deque(maxlen=MAX_SHIFT + 1)
        self._true: deque[Alpha] = deque(maxlen=MAX_SHIFT + 1)
        self._sums = np.zeros(2 * MAX_SHIFT + 1)
        self._pairs = np.zeros(2 * MAX_SHIFT + 1, np.int64)
        self._frames = 0
        self._motion = dict.fromkeys(_MOTION_OVER, 0.0)

    def add(self, ours: Alpha, true: Alpha) -> None:
        """One more frame, both (H, W) in [0, 1]."""
        self._ours.append(_small(ours))
        self._true.append(_small(true))
        self._frames += 1
        for back in range(len(self._ours)):
            self._note(back, self._ours[-1], self._true[-1 - back])
            if back:
                self._note(-back, self._ours[-1 - back], self._true[-1])
            if back in self._motion:
                self._motion[back] += _squared(self._true[-1] - self._true[-1 - back])

    def _note(self, shift: int, ours: Alpha, true: Alpha) -> None:
        self._sums[shift + MAX_SHIFT] += _squared(ours - true)
        self._pairs[shift + MAX_SHIFT] += 1

    def errors(self) -> dict[int, float]:
        """Mean squared difference by shift, for shifts at which at least half of the frames have a partner."""
        return {
            int(at) - MAX_SHIFT: float(self._sums[at] / self._pairs[at])
            for at in np.flatnonzero(self._pairs * 2 >= max(self._frames, 2))
        }

    def lag(self) -> float | None:
        """Frames; positive where the mattes come late. ``None`` where too little moves to tell."""
        errors = self.errors()
        if len(errors) < 3:
            return None
        best = min(errors, key=lambda shift: (errors[shift], abs(shift)))
        motion = max(total / max(self._frames - over, 1) for over, total in self._motion.items())
        if motion < _LEAST_MOTION * errors[best]:
            return None
        if best - 1 not in errors or best + 1 not in errors:
            return float(best)
        before, here, after = errors[best - 1], errors[best], errors[best + 1]
        curvature = before - 2 * here + after
        if curvature < _LEAST_CURVATURE:
            return None
        return round(best + (before - after) / (2 * curvature), 4)


def _squared(difference: Alpha) -> float:
    return float(np.vdot(difference, difference)) / difference.size


def _small(alpha: Alpha) -> Alpha:
    height, width = alpha.shape
    shrink = min(_LONG_SIDE / max(height, width), 1.0)
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    small = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), _BLUR), np.float32)
