"""What stands behind transparent pixels, of pictures and of clips: white.

Why: what a file hides under alpha 0 was not meant to be seen, and white is what most viewers put there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from livebg.frame import Image


def over_white(colour: Image, alpha: NDArray[np.uint8]) -> Image:
    """(H, W, 3) and its straight alpha, (H, W) uint8 -> (H, W, 3), rounded to the nearest step.

    Where nothing is transparent it is the same array.
    """
    if alpha.min() == 255:
        return colour
    # 255 - (255 - colour) * alpha, so that one multiplication does.
    missing = cv2.multiply(cv2.bitwise_not(colour), cv2.merge([alpha] * 3), scale=1 / 255)
    return cv2.bitwise_not(missing)  # type: ignore[return-value]
