"""What a keyframe's refinement found, on the frames after it.

A keyframe's correction (refined minus unrefined alpha) is taken along the motion since then and added to each frame's
own unrefined alpha.

Why from the keyframe each time, and not from frame to frame: the motions are chained on their small grid, and the
correction is resampled once, however long ago its keyframe was.

Why the motion is set right by the mattes: flow that misses a slow movement by a fraction of a pixel a frame has lost
the edge after ten. The keyframe's own matte, carried along, shows by how much, and one step of Lucas and Kanade (IJCAI
1981) between it and the frame's own matte takes the rest out, but for three quarters of a small pixel, which is taken
for the network's jitter. Over ten frames a disc that moves by half a pixel a frame keeps .90 of the oracle's gain (.55
along the flow alone), talking heads .70.

Why it is bound to what the frame itself says: motion errs, and the subject turns. A correction moves a pixel towards
the keyframe's refined alpha, never past it, and by little more than it moved the keyframe. It fades as trust in the
motion does, and where the frame's own matte is no longer the keyframe's, it is gone.

Why points and not pictures: the edge band is a twentieth of the frame. Only its pixels are looked up.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from livebg.motion import Motion, chain, warp
from livebg.refine.keyframes import Fit

if TYPE_CHECKING:
    from fractions import Fraction

    from livebg.frame import Alpha

Floats = NDArray[np.float32]

NOTHING = 2 / 255
"""A correction below this is none."""
SAME, OTHER = np.float32(0.25), np.float32(0.6)
"""The frame's own alpha is still the keyframe's up to a difference of ``SAME`` nearby; from ``OTHER`` it is another."""
STEADIED = np.float32(0.2)
"""By so much a step may be longer than the keyframe's: the network's jitter in the frame's own alpha."""
UNSURE, SURE = np.float32(0.25), np.float32(0.75)
"""Trust in the motion at which a correction is gone, and at which it is whole."""
_WINDOW = (13, 13)  # small pixels in which the mattes' edges move alike
_FLAT = np.float32(2e-3)  # mean squared slope below which there is no edge to go by
_JITTER, _MOST = np.float32(0.75), np.float32(2)  # small pixels
_ROW = 4096  # points stand in rows of this many: OpenCV takes no picture of more than 32767 rows


class Keyframe:
    """One frame that is refined, and the motion since.

    Args:
        pts: Its time, seconds.
        before: Its unrefined alpha, float32 (H, W); copied.

    Attributes:
        pts: Its time, seconds.
        before: Its unrefined alpha.
    """

    def __init__(self, pts: Fraction, before: Alpha) -> None:
        self.pts = pts
        self.before = before.copy()
        self._since: Motion | None = None
        self._small = before[:0]  # before, on the motion's grid
        self._now = before[:0]  # the present frame's own matte there,
        self._apart = before[:0]  # and how it differs from the keyframe's
        self._pair: Floats | None = None
        self._changed: Alpha | None = None

    def correct(self, after: Alpha) -> None:
        """Say what its refined alpha is, float32 (H, W); now or when it is known, some frames later."""
        if (cv2.absdiff(self.before, after) > NOTHING).any():
            self._pair = np.dstack([self.before, after])

    def follow(self, motion: Motion, now: Alpha) -> None:
        """The stream went on by one frame.

        Args:
            motion: From the frame before to the present one; not a cut.
            now: The present frame's unrefined alpha, float32 (H, W).
        """
        step = Motion(motion.flow, motion.trust)  # without the flow onward, which would cost as much again
        since = step if self._since is None else chain(self._since, step)
        if self._small.shape != since.trust.shape:
            self._small = _shrink(self.before, since.trust.shape)
        self._now = _shrink(now, since.trust.shape)
        self._since = _set_right(since, warp(self._small, since), self._now)
        self._apart = np.abs(self._now - warp(self._small, self._since))

    def fit(self) -> Fit:
        """How well it still fits the present frame."""
        since = self._since
        if since is None:
            return Fit(0.0, 1.0)
        edge = self._now * (1 - self._now)
        mass = float(edge.sum())
        trust = float((edge * since.trust).sum()) / mass if mass > 1 else 1.0
        return Fit(float(self._apart.sum()) / (4 * mass + 1), trust)

    def onto(self, now: Alpha) -> Alpha:
        """The present frame's alpha with the correction.

        Args:
            now: Its unrefined alpha, float32 (H, W) of the keyframe's size, in [0, 1].

        Returns:
            A new array in [0, 1]; ``now`` itself where there is nothing to correct.
        """
        pair, since = self._pair, self._since
        if pair is None or since is None:
            return now
        points = self._points(pair, since)
        if points is None:
            return now
        places = points[..., 1] * now.shape[1] + points[..., 0]
        around = np.asarray(cv2.dilate(self._apart, np.ones((5, 5), np.uint8)), np.float32)
        source, trust, apart = _sample(since, around, points, now.shape)
        before, after = (np.asarray(each, np.float32) for each in cv2.split(_look_up(pair, source)))
        own = now.ravel()[places]
        correction = after - before
        step = np.clip(after - own, np.minimum(correction, 0) - STEADIED, np.maximum(correction, 0) + STEADIED)
        step *= _ramp(trust, UNSURE, SURE)
        step *= _ramp(apart, OTHER, SAME)
        own += step
        alpha = now.copy()
        alpha.ravel()[places] = np.clip(own, 0, 1, out=own)
        return alpha

    def _points(self, pair: Floats, since: Motion) -> NDArray[np.int32] | None:
        """The present frame's pixels that the correction may touch, in rows: (n, _ROW, 2) of x, y; some twice."""
        height, width = since.trust.shape
        rows, columns = pair.shape[:2]
        if self._changed is None:
            changed = (cv2.absdiff(pair[..., 0], pair[..., 1]) > NOTHING).astype(np.float32)
            self._changed = (_shrink(changed, (height, width)) > 0).astype(np.float32)
        touched = ((warp(self._changed, since) > 0) & (since.trust > UNSURE)).astype(np.uint8)
        found = cv2.findNonZero(cv2.resize(touched, (columns, rows), interpolation=cv2.INTER_NEAREST))
        if found is None:
            return None
        points = np.asarray(found, np.int32).reshape(-1, 2)
        missing = -len(points) % _ROW
        return np.concatenate([points, np.broadcast_to(points[-1], (missing, 2))]).reshape(-1, _ROW, 2)


def _set_right(since: Motion, carried: Alpha, now: Alpha) -> Motion:
    """A motion moved on by what is still between the matte carried along it and the frame's own."""
    edge = carried + now
    across = cv2.Scharr(edge, cv2.CV_32F, 1, 0, scale=1 / 64)
    down = cv2.Scharr(edge, cv2.CV_32F, 0, 1, scale=1 / 64)
    ahead = now - carried
    a, b, c, x, y = (
        cv2.blur(product, _WINDOW)
        for product in (across * across, across * down, down * down, across * ahead, down * ahead)
    )
    a, c = a + _FLAT, c + _FLAT
    scale = 1 / (a * c - b * b)
    rest = np.dstack([(c * x - b * y) * scale, (a * y - b * x) * scale])
    length = np.hypot(rest[..., 0], rest[..., 1]) + np.float32(1e-6)
    rest *= (np.clip(length - _JITTER, 0, _MOST) / length)[..., None]
    return chain(since, Motion(rest, _sure(*now.shape)))


@lru_cache(maxsize=4)
def _sure(height: int, width: int) -> Floats:
    return np.ones((height, width), np.float32)


def _sample(
    motion: Motion, apart: Alpha, points: NDArray[np.int32], shape: tuple[int, ...]
) -> tuple[Floats, Floats, Floats]:
    """Where some of the frame's pixels were, (..., 2) in its pixels; the trust in that, and the difference there."""
    rows, columns = motion.trust.shape
    scale = np.array([columns / shape[1], rows / shape[0]], np.float32)
    here = points.astype(np.float32)
    places = (here + np.float32(0.5)) * scale - np.float32(0.5)
    field = _look_up(np.dstack([motion.flow, motion.trust, apart]), places)
    return here + field[..., :2] / scale, field[..., 2], field[..., 3]


def _look_up(picture: Floats, places: Floats) -> Floats:
    """A picture (H, W, C) at places (..., 2) of x, y, bilinear; what lies outside repeats the border."""
    # OpenCV takes None for the second map, its types do not; an empty array in its place gives wrong pixels.
    return cv2.remap(picture, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload,no-any-return]


def _ramp(values: Floats, zero: np.float32, one: np.float32) -> Floats:
    """0 up to ``zero``, 1 from ``one``, straight between."""
    ramp: Floats = np.clip((values - zero) / (one - zero), 0, 1)
    return ramp


def _shrink(alpha: Alpha, shape: tuple[int, ...]) -> Alpha:
    averaged = shape[1] <= alpha.shape[1] and shape[0] <= alpha.shape[0]
    way = cv2.INTER_AREA if averaged else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(alpha, (shape[1], shape[0]), interpolation=way), np.float32)
