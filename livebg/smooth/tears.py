"""Where motion tears: along the edge of what moves before what does not.

Dense flow is smooth. Along the edge of a subject that moves before a wall that stands it is a bit of both, both
pictures fit it, and a matte carried by it comes half a frame late. So where flow differs within a window it is not to
be followed.
"""

from __future__ import annotations

import cv2
import numpy as np

from livebg.flow import Field
from livebg.motion import Motion

_BLUR = 5  # pixels of half the motion's grid: what trembles by noise averages out
_WINDOW = np.ones((11, 11), np.uint8)  # pixels of half the grid: so far the flow of one side reaches into the other
_TEAR = 0.15, 0.35  # pixels a frame by which flow differs within the window: whole up to here, torn from here
_SLOW_TEAR = 0.05, 0.12  # the same for the mean over frames
_NEW = 0.2  # how much of a frame enters the mean


class Tears:
    """Finds where motion tears, frame by frame, and where it tears slowly."""

    def __init__(self) -> None:
        self._flow: Field | None = None
        self._mean: Field | None = None

    def whole(self, motion: Motion, height: int, width: int) -> Field:
        """How far motion is one and the same around each pixel.

        Args:
            motion: Of the next frame of a stream.
            height: Of a matte, pixels.
            width: Of a matte, pixels.

        Returns:
            float32 (height, width) in [0, 1]: 0 where it tears.
        """
        rows, columns = motion.trust.shape
        # At half the size: the window is as wide, and costs a quarter.
        half = cv2.resize(motion.flow, ((columns + 1) // 2, (rows + 1) // 2), interpolation=cv2.INTER_AREA)
        self._flow = np.asarray(cv2.blur(half, (_BLUR, _BLUR)), np.float32)
        return _alike(self._flow, _TEAR, height, width)

    def slowly_whole(self, height: int, width: int) -> Field:
        """The same for the mean over the frames given to ``whole``; to be asked after each of them.

        A quarter of a pixel a frame is no more than the flow of a noisy picture trembles by. Trembling averages out
        over a few frames, motion does not.
        """
        flow, mean = self._flow, self._mean
        assert flow is not None
        if mean is None or mean.shape != flow.shape:
            self._mean = mean = flow.copy()
        else:
            cv2.accumulateWeighted(flow, mean, _NEW)
        return _alike(mean, _SLOW_TEAR, height, width)


def _alike(flow: Field, tear: tuple[float, float], height: int, width: int) -> Field:
    """1 where flow differs by up to ``tear[0]`` within the window, 0 from ``tear[1]``."""
    low, high = tear
    across, down = cv2.split(cv2.dilate(flow, _WINDOW) - cv2.erode(flow, _WINDOW))
    differs = np.maximum(across, down)
    differs -= np.float32(low)
    differs *= np.float32(-1 / (high - low))
    differs += 1
    np.clip(differs, 0, 1, out=differs)
    return np.asarray(cv2.resize(differs, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
