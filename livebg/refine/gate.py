"""Whether a refinement is taken, piece by piece of the edge it changed.

Why: a network that sharpens edges also invents them. On third-party measurements CascadePSP loses six points of IoU on
video, so what it gives is a proposal, and the picture decides.

How the picture decides. What changed is cut into pieces: connected pixels, and no larger than a cell, so that a good
shoulder is not lost to a bad ear. In each piece two things are measured before and after:

- contrast: how steep the picture is across the edge, the mean of the picture's gradient along alpha's own gradient;
- separation: how well alpha tells the colours on both sides apart, the variance between the two sides over all
  variance, in windows (the region term of Lankton and Tannenbaum, IEEE TIP 2008, with alpha as membership).

A piece is taken if one of the two grew and the other did not fall much, if the sides are in fact told apart, and if the
piece has not become much longer in its edge, softer, larger or smaller. Where more pieces are plainly wrong than can be
taken, none is: what looks right there is so by chance. Noise has edges everywhere, a network that does not know has 0.5
everywhere: both fail. Contrast alone would prefer what a guided filter makes, which copies the picture's gradient;
separation alone would prefer blobs of one colour.

What it costs: where the matte follows the picture's gradient already, little can follow it better. Of what the truth
would gain on talking heads it lets through about two thirds over a soft matte of 80 pixels, a third to a tenth over a
guided one of 256. Of the harm of noise, shifted, grown, shrunk and blurred mattes it lets through a few hundredths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from livebg.frame import Alpha, Image

Floats = NDArray[np.float32]

CHANGED = 0.1
"""A pixel has changed when its alpha moved by more than this."""
GAIN = 1.02
"""What contrast or separation must have grown by."""
LEAST_KEPT = 0.85
"""What must be left of each of the two."""
MUCH_WORSE = 0.5
"""Where contrast times separation fell below this part, a piece is plainly wrong."""
LEAST_SEPARATION = 0.3
"""Variance between the sides over all variance that an edge of the picture has at least."""
LONGER = 1.5
"""The most that the edge may grow in length."""
SOFTER = 1.2
"""The most that the sum of alpha times (1 - alpha) may grow."""
MOST_AREA = 0.12
"""The most area that a piece may win or lose, as a share of a cell."""


class Verdict(NamedTuple):
    """What became of a refinement.

    Attributes:
        alpha: float32 (H, W): ``after`` in the pieces that were taken, ``before`` elsewhere; ``before`` itself where
            none was.
        accepted: Pieces taken.
        rejected: Pieces left.
    """

    alpha: Alpha
    accepted: int
    rejected: int


def judge(image: Image, before: Alpha, after: Alpha) -> Verdict:
    """Take what fits the picture better.

    Args:
        image: RGB uint8 (H, W, 3).
        before: The unrefined alpha, float32 (H, W) in [0, 1].
        after: The refined one, of the same size and range.

    Returns:
        The alpha to use, and how many pieces of it were taken and left.
    """
    change = np.asarray(cv2.absdiff(before, after), np.float32)
    changed = (change > CHANGED).astype(np.uint8)
    left, top, width, height = cv2.boundingRect(changed)
    if not width:
        return Verdict(before, 0, 0)
    scale = max(image.shape[:2]) / 360
    reach = max(3, round(10 * scale))
    rows = slice(max(0, top - reach), top + height + reach)
    columns = slice(max(0, left - reach), left + width + reach)
    here = rows, columns
    pieces, count = _pieces(changed[here], cell=max(16, round(48 * scale)))
    taken = _taken(image[here], before[here], after[here], pieces, count, reach)
    accepted = int(taken[1:].sum())
    if not accepted:
        return Verdict(before, 0, count)
    # A soft border between what is taken and what is left: no step runs across the edge there.
    weight = cv2.blur(taken.astype(np.float32)[pieces], (5, 5))
    alpha = before.copy()
    alpha[here] += weight * (after[here] - before[here])
    return Verdict(np.clip(alpha, 0, 1, out=alpha), accepted, count - accepted)


def _pieces(changed: NDArray[np.uint8], cell: int) -> tuple[NDArray[np.intp], int]:
    """Number the pieces from 1, each with a margin of two pixels; 0 is what did not change."""
    near = cv2.dilate(changed, np.ones((5, 5), np.uint8))
    connected = np.asarray(cv2.connectedComponents(near)[1], np.int64)
    height, width = changed.shape
    across = width // cell + 1
    cells = (np.arange(height) // cell * across)[:, None] + np.arange(width) // cell
    names = np.where(connected > 0, connected * (across * (height // cell + 1)) + cells, 0)
    unique, pieces = np.unique(names, return_inverse=True)
    pieces = pieces.reshape(names.shape)
    if unique[0] != 0:  # everything changed
        pieces += 1
    return pieces, int(pieces.max())


def _taken(
    image: Image, before: Alpha, after: Alpha, pieces: NDArray[np.intp], count: int, reach: int
) -> NDArray[np.bool_]:
    """Whether each piece is taken, (count + 1,); what did not change, 0, is not."""
    flat = pieces.ravel()

    def total(values: Floats) -> NDArray[np.float64]:
        return np.bincount(flat, values.ravel(), minlength=count + 1).astype(np.float64, copy=False)

    picture = image.astype(np.float32) * np.float32(1 / 255)
    slopes = [_gradient(np.asarray(cv2.GaussianBlur(picture[..., c], (0, 0), 0.7), np.float32)) for c in range(3)]
    channels = [np.ascontiguousarray(picture[..., c]) for c in range(3)]
    means = [_box(channel, reach) for channel in channels]
    variances = [_box(c * c, reach) - m * m for c, m in zip(channels, means, strict=True)]
    spread = total(np.asarray(sum(variances), np.float32) + np.float32(1e-3)) + 1e-9

    contrast, separation, length, softness = [], [], [], []
    for alpha in (before, after):
        dx, dy = _gradient(alpha)
        steep = np.hypot(dx, dy)
        across = np.max([np.abs(_box(dx * px + dy * py, 2)) for px, py in slopes], axis=0)
        contrast.append(total(across) / (total(_box(steep, 2)) + 1e-9))
        share = _box(alpha, reach)
        shared = [_box(alpha * c, reach) - share * m for c, m in zip(channels, means, strict=True)]
        between = np.asarray(sum(np.square(each) for each in shared), np.float32) / (share * (1 - share) + 1e-4)
        separation.append(total(between) / spread)
        length.append(total(steep))
        softness.append(total(alpha * (1 - alpha)))

    pixels = np.bincount(flat, minlength=count + 1)
    cell_area = max(16.0, 4.8 * reach) ** 2
    contrast_gain = contrast[1] / (contrast[0] + 0.002)
    separation_gain = separation[1] / (separation[0] + 0.02)
    taken: NDArray[np.bool_] = (
        (np.maximum(contrast_gain, separation_gain) > GAIN)
        & (np.minimum(contrast_gain, separation_gain) > LEAST_KEPT)
        & (separation[1] > LEAST_SEPARATION)
        & (length[1] < LONGER * (length[0] + 0.02 * np.sqrt(pixels)))
        & (softness[1] < SOFTER * (softness[0] + 0.01 * pixels))
        & (np.abs(total(after - before)) < MOST_AREA * cell_area)
    )
    taken[0] = False
    if np.count_nonzero(contrast_gain[1:] * separation_gain[1:] < MUCH_WORSE) > np.count_nonzero(taken):
        taken[:] = False
    return taken


def _gradient(values: Floats) -> tuple[Floats, Floats]:
    """Along x and y, in units of value a pixel (Scharr)."""
    return (
        np.asarray(cv2.Scharr(values, cv2.CV_32F, 1, 0, scale=1 / 32), np.float32),
        np.asarray(cv2.Scharr(values, cv2.CV_32F, 0, 1, scale=1 / 32), np.float32),
    )


def _box(values: Floats, reach: int) -> Floats:
    """Mean of the window of so many pixels to each side."""
    return np.asarray(cv2.blur(values, (2 * reach + 1, 2 * reach + 1)), np.float32)
