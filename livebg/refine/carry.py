"""What a keyframe's refinement found, on the frames after it.

A keyframe's correction (``correction.find``) is taken along the motion since then, and moves each frame's own unrefined
alpha towards what the keyframe says of the present colours.

Why from the keyframe each time, and not from frame to frame: the motions are chained on their small grid, and the
correction is resampled once, however long ago its keyframe was.

Why the motion is set right by the mattes: flow that misses a slow movement by a fraction of a pixel a frame has lost
the edge after ten. The keyframe's own matte, carried along, shows by how much, and one step of Lucas and Kanade (IJCAI
1981) between it and the frame's own matte takes the rest out, but for three quarters of a small pixel, which is taken
for the network's jitter.

Why it is bound to what the frame itself says: motion errs, and the subject turns. A correction moves a pixel towards
the refined alpha, never past it, and by little more than it moved the keyframe. It fades as trust in the motion does,
and where the frame's own matte is no longer the keyframe's, it is gone.

Why points and not pictures: the edge band is a twentieth of the frame. Only its pixels are looked up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from livebg.flow import grid, sample
from livebg.motion import Motion, chain
from livebg.refine.keyframes import Fit
from livebg.scale import scaled

if TYPE_CHECKING:
    from fractions import Fraction

    from cv2.typing import MatLike

    from livebg.frame import Alpha, Image
    from livebg.refine.correction import Correction

Floats = NDArray[np.float32]

SAME, OTHER = np.float32(0.4), np.float32(0.8)
"""The frame's own alpha is still the keyframe's up to a difference of ``SAME`` nearby; from ``OTHER`` it is another."""
STEADIED = np.float32(0.2)
"""By so much a step may be longer than the keyframe's: the network's jitter in the frame's own alpha."""
UNSURE, SURE = np.float32(0.25), np.float32(0.75)
"""Trust in the motion at which a correction is gone, and at which it is whole."""
_WINDOW = (7, 7)  # pixels of a matte's grid, below, in which the mattes' edges move alike
_FLAT = np.float32(8e-3)  # mean squared slope below which there is no edge to go by
_JITTER, _MOST = np.float32(0.375), np.float32(1)  # such pixels: three quarters of a small pixel, and two
_ROW = 4096  # points stand in rows of this many: OpenCV takes no picture of more than 32767 rows
_NEAR = np.ones((3, 3), np.uint8)


class Keyframe:
    """One frame that is refined, and the motion since.

    Mattes are compared on half the motion's grid: they are no finer.

    Args:
        pts: Its time, seconds.
        coarse: Its unrefined alpha, float32 (h, w) of any size that spans the frame; copied.
        shape: The frame's own size, (H, W).

    Attributes:
        pts: Its time, seconds.
        shape: The frame's size.
    """

    def __init__(self, pts: Fraction, coarse: Alpha, shape: tuple[int, ...]) -> None:
        self.pts, self.shape = pts, shape
        self._coarse = coarse.copy()
        self._since: Motion | None = None
        self._then = coarse[:0]  # its alpha on the mattes' grid,
        self._now = coarse[:0]  # the present frame's own there,
        self._apart = coarse[:0]  # and how that differs from the keyframe's, carried here
        self._correction: Correction | None = None
        self._changed: NDArray[np.uint8] | None = None

    def correct(self, correction: Correction | None) -> None:
        """Say what refining changed, if anything; now or when it is known, some frames later."""
        self._correction = correction

    def follow(self, motion: Motion, coarse: Alpha) -> None:
        """The stream went on by one frame.

        Args:
            motion: From the frame before to the present one; not a cut.
            coarse: The present frame's unrefined alpha, float32, of the size of the keyframe's.
        """
        step = Motion(motion.flow, motion.trust)  # without the flow onward, which would cost as much again
        since = step if self._since is None else chain(self._since, step)
        rows, columns = since.trust.shape
        shape = rows // 2, columns // 2
        size = shape[::-1]
        if self._then.shape != shape:
            self._then = scaled(self._coarse, *size)
        self._now = scaled(coarse, *size)
        scale = np.array([columns / shape[1], rows / shape[0]], np.float32)
        source: Floats = scaled(since.flow, *size) / scale + grid(*shape)
        rest = _rest(np.asarray(sample(self._then, source), np.float32), self._now)
        self._apart = np.asarray(cv2.absdiff(self._now, sample(self._then, source + rest)), np.float32)
        self._since = Motion(since.flow + scaled(rest * scale, columns, rows), since.trust)

    def fit(self) -> Fit:
        """How well it still fits the present frame."""
        since = self._since
        if since is None:
            return Fit(0.0, 1.0)
        edge = self._now * (1 - self._now)
        mass = float(edge.sum())
        trust = scaled(since.trust, edge.shape[1], edge.shape[0])
        sure = float((edge * trust).sum()) / mass if mass > 0.25 else 1.0
        return Fit(float(self._apart.sum()) / (4 * mass + 0.25), sure)

    def onto(self, image: Image, alpha: Alpha) -> bool:
        """Correct the present frame's alpha, in place.

        Args:
            image: The present frame, RGB uint8 (H, W, 3) of the keyframe's size.
            alpha: Its unrefined alpha, float32 (H, W) in [0, 1], contiguous; written over.

        Returns:
            Whether there was anything to correct.
        """
        correction, since = self._correction, self._since
        if correction is None or since is None:
            return False
        where = self._where(correction, since)
        if not where.size:
            return False
        source, trust, apart = self._sources(since, where, alpha.shape)
        *factors, refined = _split(sample(correction.model, source))
        before = np.asarray(sample(correction.before, source), np.float32)
        colours = np.take(image.reshape(-1, 3), where, axis=0)
        for factor, channel in zip(factors, cv2.split(colours), strict=True):
            refined += np.multiply(factor, channel, out=factor)
        np.clip(refined, 0, 1, out=refined)
        own = np.take(alpha, where)
        change = np.subtract(refined, before, out=before)
        low, high = np.minimum(change, 0) - STEADIED, np.maximum(change, 0) + STEADIED
        step = np.clip(np.subtract(refined, own, out=refined), low, high)
        step *= _ramp(trust, UNSURE, SURE)
        step *= _ramp(apart, OTHER, SAME)
        own += step
        np.put(alpha, where, np.clip(own, 0, 1, out=own))
        return True

    def _where(self, correction: Correction, since: Motion) -> NDArray[np.int32]:
        """The present frame's pixels that the correction may touch, in rows (n, _ROW); the last one several times."""
        small, full = since.trust.shape, correction.changed.shape
        if self._changed is None:
            self._changed = (scaled(correction.changed.astype(np.float32), small[1], small[0]) > 0) * np.uint8(255)
        touched = sample(self._changed, since.flow + grid(*small))
        seen = cv2.resize(touched, full[::-1], interpolation=cv2.INTER_NEAREST)
        where = np.flatnonzero(np.asarray(seen, np.uint8).view(np.bool_)).astype(np.int32)
        return np.pad(where, (0, -where.size % _ROW), "edge").reshape(-1, _ROW) if where.size else where

    def _sources(
        self, since: Motion, where: NDArray[np.int32], shape: tuple[int, ...]
    ) -> tuple[Floats, Floats, Floats]:
        """Where these pixels were, (..., 2) of x, y; the trust in that, and how the mattes differ there."""
        rows, columns = since.trust.shape
        apart = cv2.resize(cv2.dilate(self._apart, _NEAR), (columns, rows))
        # Plane by plane: numpy is slow along an axis of two.
        down = where // np.int32(shape[1])
        x, y = (where - down * np.int32(shape[1])).astype(np.float32), down.astype(np.float32)
        wide, high = np.float32(columns / shape[1]), np.float32(rows / shape[0])
        small = cv2.merge([x * wide + (wide - 1) / 2, y * high + (high - 1) / 2])
        planes = cv2.merge([*cv2.split(since.flow), since.trust, apart])
        dx, dy, trust, differs = _split(sample(planes, np.asarray(small, np.float32)))
        x += dx / wide
        y += dy / high
        return np.asarray(cv2.merge([x, y]), np.float32), trust, differs


def _rest(carried: Alpha, now: Alpha) -> Floats:
    """By how much the motion is to be moved on, (h, w, 2): what is between the carried matte and the frame's own."""
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
    x, y = (c * x - b * y) * scale, (a * y - b * x) * scale
    length = cv2.magnitude(x, y) + np.float32(1e-6)
    length = np.clip(length - _JITTER, 0, _MOST) / length
    return np.asarray(cv2.merge([x * length, y * length]), np.float32)


def _split(picture: MatLike) -> list[Floats]:
    return [np.asarray(plane, np.float32) for plane in cv2.split(picture)]


def _ramp(values: Floats, zero: np.float32, one: np.float32) -> Floats:
    """0 up to ``zero``, 1 from ``one``, straight between."""
    ramp: Floats = np.clip((values - zero) / (one - zero), 0, 1)
    return ramp
