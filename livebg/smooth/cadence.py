"""When to segment, and what a frame gets when it is not segmented: the last matte, carried to it by motion.

Why one warp and not many: the matte that was segmented is kept as it is, and the steps since are chained into one
motion. A matte warped anew at each frame would soften a little each time.

Why doubt and not a timer: a head in a chair can be carried for many frames, a walker for one or two (DAVIS lucia, every
8th frame: IoU .708 for .855). What tells them apart is measured: ``doubt``, the share of the matte's own neighbourhood
that motion could not follow since the matte was segmented.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from livebg.errors import UsageError
from livebg.frame import Alpha, Frame, Matte
from livebg.motion import Motion, chain, trust_at, warp
from livebg.stages import Draft, Segmenter

MOST_DOUBT = 0.1
"""The frame is segmented once more than this share of the matte's neighbourhood could not be followed."""

LONGEST_CARRY = 12
"""With ``auto``: the most frames from one segmentation to the next, so that nothing goes unseen for long."""


class Cadence:
    """Segments every Nth frame and carries between (``stages.Cadence``)."""

    def __init__(self, segmenter: Segmenter, every: int | Literal["auto"] = 1) -> None:
        """Choose how often.

        Args:
            segmenter: Gives coarse mattes, of one size for frames of one size.
            every: Segment at least every Nth frame; ``auto`` only where motion asks for it, and at least every
                ``LONGEST_CARRY`` frames.

        Raises:
            UsageError: Less than 1.
        """
        if every != "auto" and every < 1:
            raise UsageError(f"cadence must be auto or a number of frames from 1, got {every}")
        self._segmenter = segmenter
        self._every = LONGEST_CARRY if every == "auto" else every
        self._kept: Matte | None = None
        self._since: Motion | None = None  # from the frame that was segmented to the last one
        self._age = 0

    def draft(self, frame: Frame, motion: Motion | None) -> Draft:
        """The frame with its matte, segmented or carried.

        A frame is segmented where nothing can be carried to it (the first, after a cut, of another size), where the
        matte is ``every`` frames old, and where ``doubt`` exceeds ``MOST_DOUBT``.

        Raises:
            DeviceError: The segmenter's runtime failed; nothing is carried from before it.
        """
        carried = self._carried(motion)
        if carried is not None:
            return Draft(frame, carried, motion, fresh=False)
        self.reset()
        self._kept = self._segmenter.segment(frame)
        return Draft(frame, self._kept, motion)

    def reset(self) -> None:
        """Forget the last matte: the next frame is segmented."""
        self._kept = self._since = None
        self._age = 0

    def _carried(self, motion: Motion | None) -> Matte | None:
        kept = self._kept
        self._age += 1
        if kept is None or motion is None or motion.cut or self._age >= self._every:
            return None
        self._since = since = motion if self._since is None else chain(self._since, motion)
        alpha = warp(kept.alpha, since)
        np.clip(alpha, 0, 1, out=alpha)  # rounding
        return None if doubt(alpha, since) > MOST_DOUBT else Matte(alpha)


def doubt(alpha: Alpha, since: Motion) -> float:
    """How much of a carried matte's neighbourhood motion could not follow.

    Args:
        alpha: The carried matte, float32 (h, w).
        since: The motion it was carried by.

    Returns:
        Distrust summed over the matte and a margin around it of a tenth of the picture, over the matte's area; in
        an empty matte, distrust in the mean over the picture.
    """
    distrust = 1 - trust_at(since, *alpha.shape)
    inside = (alpha > 0.5).astype(np.uint8)
    area = int(np.count_nonzero(inside))
    if area == 0:
        return float(distrust.mean())
    margin = 2 * (max(alpha.shape) // 10) + 1
    around = cv2.dilate(inside, np.ones((margin, margin), np.uint8))
    return float(distrust[around > 0].sum()) / area
