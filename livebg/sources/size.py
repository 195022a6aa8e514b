"""One size for all frames of a live source, whatever it delivers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from livebg.frame import Image


def cover(image: Image, width: int, height: int) -> Image:
    """Fill a size without distortion: scaled, and cut equally on both sides, as a camera's wide mode cuts its sensor.

    Args:
        image: RGB (h, w, 3) uint8.
        width: Pixels of the result.
        height: Pixels of the result.

    Returns:
        (height, width, 3) uint8, contiguous; the image itself where it has that size.
    """
    rows, columns = image.shape[:2]
    if (columns, rows) == (width, height):
        return image
    if columns * height > rows * width:
        keep = max(1, round(rows * width / height))
        image = image[:, (columns - keep) // 2 :][:, :keep]
    else:
        keep = max(1, round(columns * height / width))
        image = image[(rows - keep) // 2 :][:keep]
    shrinks = image.shape[0] > height
    scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(scaled, np.uint8)
