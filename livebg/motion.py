"""How one frame came out of the one before it: optical flow on a small gray picture, and how far to trust it.

    motion = tracker.follow(frame)                       # neighbours in a stream
    motion = between(gray_of(then), gray_of(now))        # any two frames of one shot
    motion = chain(older, newer)                         # two steps as one
    alpha_now = warp(alpha_then, motion)

Flow is dense inverse search (Kroeger et al., ECCV 2016; OpenCV's DIS), once from the present to the past and once back.
It is trusted where three things hold, each softly: the two flows cancel (Sundaram et al., ECCV 2010), the past picture
brought along the flow looks like the present one once a gain and an offset of the whole picture are taken out, and what
is there did not come from outside the picture.

Why a small picture: the mattes that are carried are as fine as the network's input, and at 320 pixels both flows cost
less than one blend at 720p.

Why flow is 0 where the picture stands still (``still.py``) and flow is no more than a tremble: noise makes it tremble,
and what is carried along it; still pixels of the talking heads flicker a tenth less so. Calling all flow of less than a
pixel still let the matte of a head that turns slowly come a frame late (grid_s1_0: lag 1.3 frames, and .15 so). Larger
flow stays, or motion would seem to tear along the border of what stands still.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from livebg.flow import Field, Flow, Gray, alike, cancelling, grid, sample
from livebg.frame import Alpha, Frame, Image
from livebg.scale import scale_into
from livebg.still import Stillness

LONG_SIDE = 320
"""Pixels of the longer side of the gray picture; smaller frames are taken as they are."""

# DIS makes its pyramid by the longer side and needs a patch of 8 pixels at its top.
_LEAST_SIDE = 32
_LEAST_SHAPE = 0.5
_TREMBLE = 0.15  # pixels: noise moves flow by less


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """Where each pixel of a frame was in the frame before.

    Attributes:
        flow: float32 (h, w, 2): dx, dy in pixels of this small grid, which spans the whole frame. What lies at (x, y)
            now lay at (x + dx, y + dy) then (backward flow, as ``cv2.remap`` wants it).
        trust: float32 (h, w) in [0, 1]: 1 where flow there and back meet and the pictures agree, 0 where not.
        cut: The two frames have nothing to do with each other (scene cut, another size): ``trust`` is 0 everywhere.
        onward: float32 (h, w, 2): the flow from then to now, on the grid of then; ``None`` where nobody measured it.
    """

    flow: Field
    trust: Field
    cut: bool = False
    onward: Field | None = None


class MotionTracker:
    """Follows a stream from frame to frame (``stages.Tracker``).

    A frame of another size than the last, a scene cut and a sudden change of exposure give ``cut``; the measures are
    those of ``Estimator.between``. Flow that only trembles is 0 where the picture stands still.
    """

    def __init__(self, *, both_ways: bool = False) -> None:
        """Choose what for.

        Args:
            both_ways: ``onward`` is as fine as ``flow``: for those who look ``backwards``. It costs a fifth more.
        """
        self._estimator = Estimator(both_ways=both_ways)
        self._size: tuple[int, int] | None = None
        self._before: Gray | None = None
        self._spare: Gray | None = None
        self._stillness = Stillness()

    def follow(self, frame: Frame) -> Motion | None:
        """How this frame came out of the last one given.

        Args:
            frame: RGB or gray, of any size.

        Returns:
            Motion on a grid of ``gray_of``'s size; ``None`` where no frame was given since ``reset()``.
        """
        gray = gray_of(frame, into=self._spare)
        before, size = self._before, self._size
        self._spare, self._before, self._size = before, gray, (frame.height, frame.width)
        height, width = gray.shape
        # At half the size: noise is less, and so is the work.
        half = cv2.resize(gray, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        moved = ~self._stillness.still(np.asarray(half, np.uint8))
        if before is None:
            return None
        if size != self._size:
            return nothing_in_common(height, width)
        motion = self._estimator.between(before, gray)
        across, down = cv2.split(np.abs(motion.flow))
        clear = np.maximum(across, down) > _TREMBLE
        moving = cv2.resize(moved.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        moving = cv2.bitwise_or(moving, clear.view(np.uint8))
        flow = np.asarray(cv2.copyTo(motion.flow, moving), np.float32)
        onward = None if motion.onward is None else np.asarray(cv2.copyTo(motion.onward, moving), np.float32)
        return replace(motion, flow=flow, onward=onward)

    @property
    def gray(self) -> Gray | None:
        """The last frame's gray picture, for ``between``: copy it to keep it, it is written over two frames later."""
        return self._before

    def reset(self) -> None:
        """Forget the last frame."""
        self._before = self._size = None
        self._stillness.reset()


class Estimator:
    """Motion between any two gray pictures of one size; keeps its buffers. For one thread at a time."""

    LEAST_TRUSTED = 0.3
    """The share of the picture that must be trusted: less is a cut. Dances and pans stay above 0.5."""
    MOST_BRIGHTENING = 20.0
    """Steps of 8 bits by which the mean may change between neighbours: more is a sudden change of exposure."""

    def __init__(self, *, both_ways: bool = False) -> None:
        """See ``MotionTracker``."""
        self._flow = Flow(fine_back=both_ways)

    def between(self, before: Gray, now: Gray) -> Motion:
        """How ``now`` came out of ``before``.

        Args:
            before: Gray picture, uint8 (h, w), from ``gray_of``.
            now: Another, of the same size.

        Returns:
            Motion on their grid. ``cut`` where less than ``LEAST_TRUSTED`` of the picture can be trusted in the mean,
            or its mean brightness differs by more than ``MOST_BRIGHTENING``.

        Raises:
            ValueError: The sizes differ.
        """
        if before.shape != now.shape:
            raise ValueError(f"pictures of one size have motion between them, got {before.shape} and {now.shape}")
        height, width = now.shape
        if abs(cv2.mean(now)[0] - cv2.mean(before)[0]) > self.MOST_BRIGHTENING:
            return nothing_in_common(height, width)
        flow, onward = self._flow.there(now, before), self._flow.back(before, now)
        meets = cancelling(flow, onward)
        brought = np.asarray(sample(before, flow + grid(height, width)), np.uint8)
        trust = alike(brought, now, meets)
        trust *= meets
        if float(trust.mean()) < self.LEAST_TRUSTED:
            return nothing_in_common(height, width)
        return Motion(flow, trust, onward=onward)


def between(before: Gray, now: Gray) -> Motion:
    """How one gray picture came out of another, neighbours or not; see ``Estimator.between``."""
    return Estimator().between(before, now)


def gray_of(frame: Frame | Image, *, into: Gray | None = None) -> Gray:
    """The small gray picture that motion is measured on.

    Args:
        frame: RGB (H, W, 3), with alpha (H, W, 4), or gray (H, W), uint8.
        into: A gray picture that may be written over; used where its size fits.

    Returns:
        uint8 (h, w), averaged over areas, the longer side ``LONG_SIDE`` (or the frame's, where that is less). It spans
        the whole frame; neither side is under 32 pixels or half of the other, so strips are stretched.
    """
    frame = frame if isinstance(frame, Frame) else Frame(frame)
    rows, columns = frame.height, frame.width
    shrink = min(1.0, LONG_SIDE / max(rows, columns))
    long = round(max(rows, columns) * shrink)
    least = max(_LEAST_SIDE, round(long * _LEAST_SHAPE))
    width, height = (max(least, round(side * shrink)) for side in (columns, rows))
    if into is None or into.shape != (height, width):
        into = np.empty((height, width), np.uint8)
    image = frame.at_least(2 * width, 2 * height)  # from a half of nearly this size it would be blurred
    if image.ndim == 3:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY if image.shape[2] == 3 else cv2.COLOR_RGBA2GRAY))
    scale_into(image, into)
    return into


def warp(alpha: Alpha, motion: Motion, *, into: Alpha | None = None) -> Alpha:
    """What was given for the frame before, where its pixels are now.

    Args:
        alpha: float32 (H, W) or (H, W, C), of any size that spans the frame: an alpha, a correction, a confidence.
        motion: From that frame to the present one.
        into: Takes the result; of the same shape as ``alpha``, and not ``alpha`` itself.

    Returns:
        The same size, bilinear; what comes from outside the picture repeats its border.
    """
    height, width = alpha.shape[:2]
    flow = motion.flow
    rows, columns = flow.shape[:2]
    if (rows, columns) != (height, width):
        flow = np.asarray(cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
        lines = flow.reshape(height, -1)  # numpy is slow along an axis of two
        lines *= np.tile(np.array([width / columns, height / rows], np.float32), width)
    return np.asarray(sample(alpha, flow + grid(height, width), into=into), np.float32)


def trust_at(motion: Motion, height: int, width: int) -> Field:
    """The trust of a motion on a matte's grid: float32 (height, width) in [0, 1]."""
    if motion.trust.shape == (height, width):
        return motion.trust
    return np.asarray(cv2.resize(motion.trust, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def chain(older: Motion, newer: Motion) -> Motion:
    """Two steps as one: how the frame after ``newer`` came out of the frame before ``older``.

    Returns:
        Motion on the grid of both, not measured onward; a pixel is trusted as far as both steps are. A cut where either
        is one.

    Raises:
        ValueError: The grids differ and neither is a cut.
    """
    if older.cut or newer.cut:
        return nothing_in_common(newer.trust.shape[0], newer.trust.shape[1])
    if older.trust.shape != newer.trust.shape:
        raise ValueError(f"motions on one grid can be chained, got {older.trust.shape} and {newer.trust.shape}")
    source = newer.flow + grid(*newer.trust.shape)
    flow, trust = (np.asarray(sample(each, source), np.float32) for each in (older.flow, older.trust))
    flow += newer.flow
    trust *= newer.trust
    return Motion(flow, trust)


def backwards(motion: Motion) -> Motion:
    """The same step seen from the other end: how the earlier frame comes out of the later one.

    Trusted where the two flows cancel and the later pixel is itself trusted. A cut where ``motion`` is one.

    Raises:
        ValueError: ``motion.onward`` was not measured.
    """
    if motion.cut:
        return motion
    if motion.onward is None:
        raise ValueError("this motion was not measured onward: it cannot be seen from the other end")
    turned = Motion(motion.onward, motion.trust)
    trust = np.minimum(cancelling(motion.onward, motion.flow), warp(motion.trust, turned))
    return Motion(motion.onward, trust, onward=motion.flow)


def nothing_in_common(height: int, width: int) -> Motion:
    """A cut: no flow and no trust, on a grid of this size."""
    return Motion(np.zeros((height, width, 2), np.float32), np.zeros((height, width), np.float32), cut=True)
