"""By how many frames mattes come late: the shift in time at which their changes fit the truth's changes best.

A change is the difference to the picture five frames before. How unlike changes are is taken for whole shifts s: the
squared difference of change t of the mattes and change t - s of the truth, summed over the clip, as a share of what
their squares sum up to: 0 for equal changes, 1 for such as have nothing to do with each other. A parabola through the
least and its neighbours gives the fraction. Pictures are shrunk and blurred first: a shift in time needs no detail in
space, and this is a parabola only where edges are softer than they move from frame to frame.

Why changes and not mattes: what a matte misses, or holds too much of, in every frame draws the best fit of mattes to a
time at which the truth is more like it. So U2-Netp at 128, which has no memory, came 0.6 frames early on a talking
head; by its changes it is within 0.03 of 0.

A lag that lies at the end of the range is only known to be at least that; it is given as it is. Where less than half of
the changes is shared at any shift, or nothing moves, the best shift says nothing, and there is no lag; nor is there in
a clip of fewer than eight frames.
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
_LEAST_MOTION = 1e-7  # mean squared change of alpha: below this nothing moves
_MOST_UNLIKE = 0.5
_OVER = 5  # frames; over one, jitter would count more than motion, and a smoother that drags look half as late


class LagMeter:
    """Takes a clip's mattes and true mattes in order; remembers a few frames of each."""

    def __init__(self) -> None:
        self._before: deque[tuple[Alpha, Alpha]] = deque(maxlen=_OVER)
        self._ours: deque[Alpha] = deque(maxlen=MAX_SHIFT + 1)
        self._true: deque[Alpha] = deque(maxlen=MAX_SHIFT + 1)
        self._apart = np.zeros(2 * MAX_SHIFT + 1)
        self._both = np.zeros(2 * MAX_SHIFT + 1)
        self._pairs = np.zeros(2 * MAX_SHIFT + 1, np.int64)
        self._changes = 0
        self._motion = 0.0

    def add(self, ours: Alpha, true: Alpha) -> None:
        """One more frame, both (H, W) in [0, 1]."""
        now = _small(ours), _small(true)
        if len(self._before) == _OVER:
            self._ours.append(now[0] - self._before[0][0])
            self._true.append(now[1] - self._before[0][1])
            self._changes += 1
            self._motion += _squared(self._true[-1])
            for back in range(len(self._ours)):
                self._note(back, self._ours[-1], self._true[-1 - back])
                if back:
                    self._note(-back, self._ours[-1 - back], self._true[-1])
        self._before.append(now)

    def _note(self, shift: int, ours: Alpha, true: Alpha) -> None:
        self._apart[shift + MAX_SHIFT] += _squared(ours - true)
        self._both[shift + MAX_SHIFT] += _squared(ours) + _squared(true)
        self._pairs[shift + MAX_SHIFT] += 1

    def unlike(self) -> dict[int, float]:
        """How unlike the changes are, 0..2, by shift, for shifts at which at least half of them have a partner."""
        return {
            int(at) - MAX_SHIFT: float(self._apart[at] / self._both[at])
            for at in np.flatnonzero((self._pairs * 2 >= max(self._changes, 2)) & (self._both > 0))
        }

    def lag(self) -> float | None:
        """Frames; positive where the mattes come late. ``None`` where too little moves alike to tell."""
        unlike = self.unlike()
        if len(unlike) < 3 or self._motion < _LEAST_MOTION * self._changes:
            return None
        best = min(unlike, key=lambda shift: (unlike[shift], abs(shift)))
        if unlike[best] > _MOST_UNLIKE:
            return None
        if best - 1 not in unlike or best + 1 not in unlike:
            return float(best)
        before, here, after = unlike[best - 1], unlike[best], unlike[best + 1]
        curvature = before - 2 * here + after
        return round(best + (before - after) / (2 * curvature), 4) if curvature > 0 else float(best)


def _squared(difference: Alpha) -> float:
    return float(np.vdot(difference, difference)) / difference.size


def _small(alpha: Alpha) -> Alpha:
    height, width = alpha.shape
    shrink = min(_LONG_SIDE / max(height, width), 1.0)
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    small = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), _BLUR), np.float32)
