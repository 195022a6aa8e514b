"""What a keyframe's refinement found, in a form that still holds when the picture has changed a little.

Why a model of colour and not only alpha: a picture that lies a fraction of a pixel beside the keyframe's, or whose soft
edge is another, has other colours there, and colour tells alpha. Around each pixel the refined alpha is taken as linear
in colour; carried are the three factors and the constant, and the present picture is put in. Where it is the
keyframe's, the result is the refined alpha exactly. With true mattes for a refiner, ten frames between keyframes of
talking heads keep .82 of the gain so, and .70 where alpha itself is carried.

Source: the linear model of Levin, Lischinski and Weiss, PAMI 2008, fitted as by He, Sun and Tang, PAMI 2013.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from livebg.refine.guided import around, solve

if TYPE_CHECKING:
    from livebg.frame import Alpha, Image

Floats = NDArray[np.float32]

NOTHING = 2 / 255
"""A change of alpha below this is none."""
_EPSILON = np.float32(5e-4)
"""Variance of colour, of full range 1, that is taken for noise."""
_REACH = 1 / 180
"""How far the windows reach, over the longer side: less than motion is off by on its grid of 320."""


class Correction(NamedTuple):
    """One keyframe's.

    Attributes:
        model: float32 (H, W, 4): what R, G and B, each 0..255, are multiplied with, and the constant, to give the
            refined alpha.
        before: float32 (H, W): the unrefined alpha.
        changed: uint8 (H, W): 1 where refining changed alpha, 0 elsewhere.
    """

    model: Floats
    before: Alpha
    changed: NDArray[np.uint8]


def find(image: Image, before: Alpha, after: Alpha) -> Correction | None:
    """What refining changed.

    Args:
        image: The keyframe, RGB uint8 (H, W, 3).
        before: Its unrefined alpha, float32 (H, W) in [0, 1]; kept, not copied.
        after: Its refined alpha, of the same size and range.

    Returns:
        The correction; ``None`` where nothing changed.
    """
    changed = (cv2.absdiff(before, after) > NOTHING).view(np.uint8)
    if not changed.any():
        return None
    model = np.zeros((*before.shape, 4), np.float32)
    model[..., 3] = after
    near = np.asarray(cv2.dilate(changed, np.ones((3, 3), np.uint8)), np.uint8)  # a step of interpolation
    reach = max(2, round(_REACH * max(before.shape)))
    box = around(near, reach)
    where = np.flatnonzero(near[box])
    factors = _slopes(image[box], after[box], where, reach)
    colours = image[box].reshape(-1, 3)[where]
    found = model[box]
    rows, columns = np.divmod(where, found.shape[1])
    found[rows, columns, :3] = factors.T
    found[rows, columns, 3] -= np.einsum("ij,ji->i", colours.astype(np.float32), factors)
    return Correction(model, before, changed)


def _slopes(image: Image, alpha: Alpha, where: NDArray[np.intp], reach: int) -> Floats:
    """How alpha changes with R, G and B, each 0..255, around some pixels: (3, n)."""
    window = (2 * reach + 1, 2 * reach + 1)
    planes = [*(np.asarray(each, np.float32) * np.float32(1 / 255) for each in cv2.split(image)), alpha]
    means = np.empty((13, where.size), np.float32)
    for row, factors in zip(means, _MOMENTS, strict=True):
        product = planes[factors[0]] if len(factors) == 1 else planes[factors[0]] * planes[factors[1]]
        np.take(cv2.blur(product, window, borderType=cv2.BORDER_REPLICATE), where, out=row)
    return solve(means, _EPSILON)[:3] * np.float32(1 / 255)


_MOMENTS = ((0,), (1,), (2,), (3,), (0, 3), (1, 3), (2, 3), (0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
