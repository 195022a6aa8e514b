"""How well the outline is met: DAVIS' boundary F and CascadePSP's mean boundary accuracy."""

from __future__ import annotations

from math import ceil, hypot

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def boundary_f(chosen: Mask, mask: Mask, *, tolerance: float = 0.008) -> float:
    """F of the outlines: a pixel of one counts as met where the other passes within a tolerance.

    Args:
        chosen: The map at its threshold, (H, W).
        mask: The truth, (H, W).
        tolerance: In picture diagonals; rounded up to whole pixels.

    Returns:
        0..1; 1 where neither has an outline, 0 where only one has.

    Source: Perazzi et al., "A benchmark dataset and evaluation methodology for video object segmentation", CVPR 2016;
    instead of dilating with a disk, the exact distance to the other outline is compared with its radius.
    """
    ours, theirs = _outline(chosen), _outline(mask)
    n_ours, n_theirs = int(np.count_nonzero(ours)), int(np.count_nonzero(theirs))
    if n_ours == 0 or n_theirs == 0:
        return float(n_ours == n_theirs)
    radius = ceil(tolerance * hypot(*mask.shape)) + 1e-3  # distances are float32
    precision = int(np.count_nonzero(_distance_to(theirs)[ours] <= radius)) / n_ours
    recall = int(np.count_nonzero(_distance_to(ours)[theirs] <= radius)) / n_theirs
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def boundary_accuracy(chosen: Mask, mask: Mask) -> float:
    """Mean boundary accuracy (mBA): the share of right pixels in five bands around the mask's outline.

    Args:
        chosen: The map at its threshold, (H, W).
        mask: The truth, (H, W).

    Returns:
        0..1; NaN where the mask has no outline.

    Source: Cheng et al., "CascadePSP", CVPR 2020: band radii from 1 to (W + H)/300 in five steps, rounded down.
    """
    widest = sum(mask.shape) / 300
    truth, right = mask.astype(np.uint8), chosen == mask
    radii = [1 + int((widest - 1) / 5 * step) for step in range(5)]
    shares = {radius: _share_right(truth, right, radius) for radius in set(radii)}
    return sum(shares[radius] for radius in radii) / len(radii)


def _share_right(truth: NDArray[np.uint8], right: Mask, radius: int) -> float:
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    band = cv2.morphologyEx(truth, cv2.MORPH_GRADIENT, disk) > 0
    size = int(np.count_nonzero(band))
    return int(np.count_nonzero(right & band)) / size if size else float("nan")


def _outline(mask: Mask) -> Mask:
    """Pixels unlike the one to the right, below, or diagonally below: half a pixel up and left of the edge."""
    outline = np.zeros(mask.shape, np.bool_)
    outline[:, :-1] |= mask[:, :-1] != mask[:, 1:]
    outline[:-1] |= mask[:-1] != mask[1:]
    outline[:-1, :-1] |= mask[:-1, :-1] != mask[1:, 1:]
    return outline


def _distance_to(outline: Mask) -> NDArray[np.float32]:
    distance = cv2.distanceTransform((~outline).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance, np.float32)
