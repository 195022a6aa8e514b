"""What a soft matte takes over from CascadePSP: its edge, and nothing else.

Why: the network sees a mask of 0 and 1, so its score knows nothing of what was soft in the matte: glass, motion blur,
a region the segmenter doubted. Its merit is where the edge runs. So the matte takes the score, soft as it is, in a band
along its own edge, and keeps its own values, bit for bit, everywhere else. The band also bounds what a bad refinement
can do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from livebg.frame import Alpha


def replace_band(alpha: Alpha, score: Alpha, width: float) -> Alpha:
    """A matte whose edge band is replaced by a refined score.

    Args:
        alpha: The soft matte, float32 (H, W) in [0, 1].
        score: What ``CascadePSP.alpha`` made of it, float32 (H, W) in [0, 1].
        width: Pixels, more than 0. Up to this far from the edge of ``alpha`` (where it passes 0.5) the result is the
            score; from there to twice as far it goes over into ``alpha``; beyond it is ``alpha``.

    Returns:
        A new float32 (H, W) in [0, 1]; equal to ``alpha`` where ``alpha`` has no edge at all.

    Raises:
        ValueError: The sizes differ.
    """
    if alpha.shape != score.shape:
        raise ValueError(f"alpha and score must be of one size, got {alpha.shape} and {score.shape}")
    return alpha + band_weight(alpha, width) * (score - alpha)


def band_weight(alpha: Alpha, width: float) -> Alpha:
    """How much the edge band counts: 1 up to ``width`` pixels from the edge, falling to 0 at twice that.

    Args:
        alpha: float32 (H, W).
        width: Pixels, more than 0.

    Returns:
        float32 (H, W) in [0, 1].
    """
    inside = (alpha >= 0.5).astype(np.uint8)
    # Beyond the picture nothing is known: no edge runs along its border.
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    edge = cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, cross)
    if not edge.any():
        return np.zeros_like(alpha)
    distance = cv2.distanceTransform(1 - edge, cv2.DIST_L2, cv2.DIST_MASK_5)
    weight: Alpha = np.float32(2) - distance.astype(np.float32, copy=False) / np.float32(width)
    return np.clip(weight, 0, 1, out=weight)
