"""Where a picture stands still but for its noise.

Why against an average and not the frame before: what moves by a tenth of a pixel a frame hides in the noise between two
frames. Against what was seen since the pixel last moved it comes out after a few.

Why noise is measured and not set: a quarter of the picture stands still before any camera that does, and what it
differs by is the sensor's noise, the codec's, or none. A camera that moves has no such quarter; ``MOST_NOISE`` keeps
its motion from being taken for noise.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livebg.frame import Image

QUIET = 0.25
"""The share of the picture that is taken to stand still."""

LEAST_NOISE, MOST_NOISE = 0.1, 4.0
"""Mean squared steps of 8 bits that may be noise on the small picture: rounding, and a camera in the dark."""

MOVES = 9.0
"""Times the noise: from here on a pixel's surroundings move."""

NEW = 0.2
"""How much of a frame enters the average."""

EVERY = 3
"""Pixels: windows that do not overlap say as much of the noise as all do."""

_WINDOW = (3, 3)
_AROUND = np.ones(_WINDOW, np.uint8)
_MEAN = np.full((1, 3), 1 / 3, np.float32)


class Stillness:
    """Follows the small pictures of a stream."""

    def __init__(self) -> None:
        self._seen = np.empty((0, 0), np.float32)

    def still(self, picture: Image) -> NDArray[np.bool_]:
        """Where the next picture shows what was there before.

        Args:
            picture: RGB uint8 (h, w, 3) or gray (h, w), one or two hundred pixels wide; another size begins anew.

        Returns:
            bool (h, w): false in the first picture, and within two pixels of what moved.
        """
        if self._seen.shape != picture.shape:
            self._seen = picture.astype(np.float32)
            return np.zeros(picture.shape[:2], np.bool_)
        apart = np.asarray(cv2.subtract(picture, self._seen, dtype=cv2.CV_32F))
        np.square(apart, out=apart)
        if apart.ndim == 3:
            apart = cv2.transform(apart, _MEAN)
        apart = np.asarray(cv2.blur(apart, _WINDOW, borderType=cv2.BORDER_REPLICATE))
        some = apart[::EVERY, ::EVERY].ravel()
        quiet = int(QUIET * some.size)
        noise = min(max(float(np.partition(some, quiet)[quiet]), LEAST_NOISE), MOST_NOISE)
        moved = np.asarray(cv2.dilate((apart > MOVES * noise).view(np.uint8), _AROUND), np.uint8)
        cv2.accumulateWeighted(picture, self._seen, NEW)
        cv2.accumulateWeighted(picture, self._seen, 1, mask=moved)
        return np.equal(moved, 0)

    def reset(self) -> None:
        """Forget what was seen."""
        self._seen = np.empty((0, 0), np.float32)
