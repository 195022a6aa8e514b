"""Which pixels are surely subject, surely room, and which are to be decided."""

from __future__ import annotations

import cv2
import numpy as np

from livebg.frame import Alpha, Image

ROOM, UNKNOWN, SUBJECT = 0, 128, 255


def trimap(alpha: Alpha, radius: int, *, low: float = 0.1, high: float = 0.9) -> Image:
    """A trimap by score and by distance.

    A pixel is unknown where its score is undecided, and wherever an undecided pixel, or the step from subject to room,
    lies within ``radius``. So a sharp edge has a band too: about ``2 radius`` pixels wide.

    Args:
        alpha: (H, W), float32 in [0, 1].
        radius: In pixels of ``alpha``, 0 or more; distances are Euclidean.
        low: Scores up to this are room,
        high: and those from this on subject; ``low < high``.

    Returns:
        uint8 (H, W): 0 room, 128 unknown, 255 subject. A flat matte may give one of the three alone.

    Raises:
        ValueError: ``radius`` is negative, or not ``low < high``.
    """
    if radius < 0:
        raise ValueError(f"a trimap's radius must be 0 or more, got {radius}")
    if not low < high:
        raise ValueError(f"a trimap's low must lie under its high, got {low} and {high}")
    subject = (alpha >= high).astype(np.uint8)
    room = (alpha <= low).astype(np.uint8)
    tri = np.full(alpha.shape, UNKNOWN, np.uint8)
    for sure, value in ((subject, SUBJECT), (room, ROOM)):
        tri[_deep_inside(sure, radius)] = value
    return tri


def _deep_inside(sure: Image, radius: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where the nearest pixel that is not sure is farther than ``radius``; the picture's border is no edge."""
    if sure.all():
        return sure.view(np.bool_)
    # The transform counts from pixel centre to pixel centre: a neighbour of the edge is 1 away.
    return np.asarray(cv2.distanceTransform(sure, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)) > radius
