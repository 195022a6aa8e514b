"""Measures that look at where errors lie and not only at how many there are: S-measure and weighted F."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_TINY = float(np.spacing(1))


def structure_measure(values: Floats, mask: Mask) -> float:
    """Half how alike subject and background are as wholes, half how alike four quarters are.

    Args:
        values: The map, (H, W) in [0, 1].
        mask: The truth, (H, W).

    Returns:
        0..1, 1 for a perfect map.

    Source: Fan et al., "Structure-measure: a new way to evaluate foreground maps", ICCV 2017, alpha = 0.5.
    """
    share = float(mask.mean())
    if share == 0:
        return 1 - float(values.mean())
    if share == 1:
        return float(values.mean())
    objects = share * _uniform_brightness(values[mask]) + (1 - share) * _uniform_brightness(1 - values[~mask])
    return max(0.0, 0.5 * objects + 0.5 * _quarters(values, mask))


def weighted_f(values: Floats, mask: Mask) -> float:
    """F in which an error counts less beside the subject's edge than far from it, and less where its neighbours err.

    Args:
        values: The map, (H, W) in [0, 1].
        mask: The truth, (H, W).

    Returns:
        0..1, with beta² = 1; 0 where the mask is empty.

    Source: Margolin, Zelnik-Manor, Tal, "How to evaluate foreground maps?", CVPR 2014. Errors inside the subject are
    smoothed by a 7x7 Gaussian (sigma 5) over the error map, in which a background pixel stands for the nearest
    pixel of the subject; errors outside weigh 2 - 0.5^(distance/5).
    """
    inside = int(np.count_nonzero(mask))
    if inside == 0:
        return 0.0
    error = np.abs(values - mask)
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    taps = np.exp(-(np.arange(-3.0, 4.0) ** 2) / 50)
    taps /= taps.sum()
    smooth = cv2.sepFilter2D(
        _carried_outward(error, mask, distance), cv2.CV_64F, taps, taps, borderType=cv2.BORDER_CONSTANT
    )
    lost = float(np.minimum(error, smooth)[mask].sum())
    outside = ~mask
    extra = float((error[outside] * (2 - np.exp(np.log(0.5) / 5 * distance[outside]))).sum())
    recall = 1 - lost / inside
    precision = (inside - lost) / (inside - lost + extra + _TINY)
    return 2 * recall * precision / (recall + precision + _TINY)


def _uniform_brightness(values: Floats) -> float:
    """The object term: high where the values are high and even."""
    mean = float(values.mean())
    spread = float(values.std(ddof=1)) if values.size > 1 else 0.0
    return 2 * mean / (mean * mean + 1 + spread + _TINY)


def _quarters(values: Floats, mask: Mask) -> float:
    """The region term: likeness of the four quarters around the subject's centre, weighted by their area."""
    height, width = mask.shape
    rows, columns = mask.sum(axis=1), mask.sum(axis=0)
    total = int(rows.sum())
    # One beyond the rounded centre: the authors' MATLAB ranges include their end.
    y = int(np.round(np.dot(np.arange(height), rows) / total)) + 1
    x = int(np.round(np.dot(np.arange(width), columns) / total)) + 1
    score = 0.0
    for vertical in (slice(0, y), slice(y, height)):
        for horizontal in (slice(0, x), slice(x, width)):
            part, truth = values[vertical, horizontal], mask[vertical, horizontal]
            if part.size:
                score += part.size / mask.size * _likeness(part, truth)
    return score


def _likeness(values: Floats, mask: Mask) -> float:
    """SSIM of one block, without its stabilising constants."""
    x, y = float(values.mean()), float(mask.mean())
    free = max(values.size - 1, 1)
    off_x, off_y = values - x, mask - y
    variance_x, variance_y = float((off_x * off_x).sum()) / free, float((off_y * off_y).sum()) / free
    together = 4 * x * y * float((off_x * off_y).sum()) / free
    apart = (x * x + y * y) * (variance_x + variance_y)
    if together != 0:
        return together / (apart + _TINY)
    return 1.0 if apart == 0 else 0.0


def _carried_outward(error: Floats, mask: Mask, distance: cv2.typing.MatLike) -> Floats:
    """The error map with each pixel of the near background replaced by that of the nearest pixel of the subject.

    Only as far as a 7x7 window around a pixel of the subject sees; farther background is 0, and no sum asks for it.
    """
    carried = np.where(mask, error, 0.0)
    ys, xs = np.nonzero((distance > 0) & (distance < 4.25))
    height, width = mask.shape
    for dy, dx in _nearest_first():
        to_y, to_x = ys + dy, xs + dx
        within = (to_y >= 0) & (to_y < height) & (to_x >= 0) & (to_x < width)
        found = np.zeros(len(ys), np.bool_)
        found[within] = mask[to_y[within], to_x[within]]
        carried[ys[found], xs[found]] = error[to_y[found], to_x[found]]
        ys, xs = ys[~found], xs[~found]
    return carried


@cache
def _nearest_first() -> tuple[tuple[int, int], ...]:
    """Offsets (dy, dx) within 3·√2 pixels, the nearest first; of equals the leftmost, then the uppermost."""
    reach = range(-4, 5)
    offsets = [(dy, dx) for dy in reach for dx in reach if 0 < dy * dy + dx * dx <= 18]
    return tuple(sorted(offsets, key=lambda at: (at[0] ** 2 + at[1] ** 2, at[1], at[0])))
