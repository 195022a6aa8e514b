"""Coarse mattes to the frame's size: bilinear, or along the picture's edges. ``guided_torch.py`` does it on a GPU.

Why the fast guided filter and not a joint bilateral one: both find the picture's edge, but this one costs one product a
pixel at full size, whatever the radius, and its result is smooth in the guide: sensor noise does not make it blink.

Why three colours: where clothes and wall are equally bright a gray guide sees no edge. True mattes of a quarter of the
size brought up (talking head franck_0) leave twice the error in the band with gray that they leave with colour.

Why one pixel's reach on a grid of 192: wider windows and coarser grids find other edges than the matte's (MAD on
grid_s1_0 10.1 with radius 1, 11.1 with 2), finer grids cost more and gain nothing that all models share.

Why what the edge adds is held: eps keeps most of a sensor's noise out of alpha, and what is left changes it by a few
steps of 255 along edges. The part that guiding adds to the coarse matte therefore follows small changes slowly: those
below ``still`` where the picture stands still (``still.py``), and below ``calm`` elsewhere. One bound for both leaves
noise in or comes late. What is held leaves up to .05 of alpha, for some frames, where an edge creeps over what
stands still. The coarse matte itself passes at once: holding alpha as a whole came 0.3 frames late.

Why only around edges: where the matte is flat over all windows that see a pixel, the filter gives the matte back. So
only the band of other pixels is computed, and 0 stays 0 and 1 stays 1 by copying.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from livebg.frame import Alpha, Image, Matte
from livebg.refine.guided_settings import USUAL, GuidedSettings
from livebg.scale import quickly_scaled, scaled_alpha
from livebg.still import Stillness

if TYPE_CHECKING:
    from livebg.stages import Draft

Floats = NDArray[np.float32]

FLAT = np.float32(2 / 255)
"""Mattes that vary by less than this around a pixel have no edge there."""

_ROWS = 8  # rows of the coarse matte whose runs are computed together


class Bilinear:
    """The coarse matte as it is, bilinear between its pixels. Keeps nothing."""

    notes: Sequence[str] = ()

    def refine(self, draft: Draft) -> Matte:
        """The matte at the frame's size, float32 (H, W) in [0, 1]; averaged where the frame is the smaller."""
        return Matte(scaled_alpha(draft.matte.alpha, draft.frame.width, draft.frame.height))

    def reset(self) -> None:
        """Nothing is kept between frames."""


class Guided:
    """The coarse matte with the edges of the frame's own picture. It keeps what the edge added to the last one.

    Within each small window alpha is taken as linear in colour, alpha = a · (R, G, B) + b. The coefficients are found
    on the coarse grid and applied to the full picture.

    Source: He and Sun, "Fast guided filter", arXiv:1505.00996, with the colour guide of He, Sun and Tang, "Guided image
    filtering", PAMI 2013, equations 14 to 16.
    """

    notes: Sequence[str] = ()

    def __init__(self, settings: GuidedSettings = USUAL) -> None:
        """Choose how edges are sought."""
        self._grid, self._radius = settings.grid, settings.radius
        self._eps, self._sharpen = np.float32(settings.eps), np.float32(settings.sharpen)
        self._rate = np.float32(1 / settings.calm**2)
        self._slower = np.float32(1 / settings.still**2 - 1 / settings.calm**2)
        self._last = np.empty((0, 0), np.float32)
        self._found = np.empty((0, 0, 4), np.float32)
        self._planes = self._strip = np.empty(0, np.float32)
        self._stillness = Stillness()

    def refine(self, draft: Draft) -> Matte:
        """The matte at the frame's size.

        Args:
            draft: Its matte spans the whole frame; it may be of any size, and is taken down to the frame's where it
                is larger.

        Returns:
            Alpha float32 (H, W) in [0, 1], a new array; 0 and 1 where the matte is 0 and 1 around.
        """
        image = draft.frame.image
        height, width = image.shape[:2]
        rows, columns = grid_shape(draft.matte.alpha.shape, image.shape, self._grid)
        coarse = scaled_alpha(draft.matte.alpha, columns, rows)
        sharp = self._sharpened(coarse)
        alpha = scaled_alpha(sharp, width, height)
        edges = self._edges(coarse)
        if not edges.any():
            self.reset()  # the next edge is another subject's
            return Matte(alpha)
        if self._last.shape != alpha.shape:
            self._last = np.full(alpha.shape, _NOTHING)
        guide = quickly_scaled(draft.frame.at_least(columns, rows), columns, rows)
        coefficients = self._coefficients(guide, coarse, edges)
        coefficients[..., 3] -= sharp / 255
        rate = self._stillness.still(guide) * self._slower
        rate += self._rate
        seen = np.asarray(cv2.dilate(edges, _square(self._radius + 1)))  # a window, and a step of interpolation
        self._apply(coefficients, rate, image, alpha, list(_runs(seen.view(np.bool_), alpha.shape)))
        return Matte(alpha)

    def reset(self) -> None:
        """Forget the last frame."""
        self._last.fill(_NOTHING)
        self._stillness.reset()

    def _sharpened(self, coarse: Alpha) -> Alpha:
        scaled: Alpha = (coarse - self._sharpen) / (1 - 2 * self._sharpen)
        return np.clip(scaled, 0, 1, out=scaled)

    def _edges(self, coarse: Alpha) -> NDArray[np.uint8]:
        """1 where the window around a coarse pixel holds an edge, and not only what sharpening makes 0 or 1."""
        window = _square(self._radius)
        high, low = np.asarray(cv2.dilate(coarse, window)), np.asarray(cv2.erode(coarse, window))
        edges = (high - low > FLAT) & (high > self._sharpen) & (low < 1 - self._sharpen)
        return edges.view(np.uint8)

    def _coefficients(self, guide: Image, coarse: Alpha, edges: NDArray[np.uint8]) -> Floats:
        """(h, w, 4): what R, G, B and 255, each 0..255, are multiplied with to give the sharpened alpha."""
        box = around(edges, self._radius)
        near, guide = edges[box], guide[box]
        self._planes = _roomy(self._planes, 14 * near.size)
        moments = self._planes[: 14 * near.size].reshape(14, *near.shape)
        means = moments[13]
        window = (2 * self._radius + 1, 2 * self._radius + 1)
        for plane, channel in zip(moments, cv2.split(guide), strict=False):
            np.multiply(channel, np.float32(1 / 255), out=plane)
        moments[3] = coarse[box]
        for plane, (one, other) in zip(moments[4:], _PRODUCTS, strict=False):
            np.multiply(moments[one], moments[other], out=plane)
        where = np.flatnonzero(near.view(np.bool_))
        samples = np.empty((13, where.size), np.float32)
        for plane, row in zip(moments, samples, strict=False):
            cv2.blur(plane, window, dst=means, borderType=cv2.BORDER_REPLICATE)
            np.take(means, where, out=row)
        if self._found.shape[:2] != coarse.shape:
            self._found = np.empty((*coarse.shape, 4), np.float32)
        scale = 1 / (1 - 2 * self._sharpen)
        self._found.fill(0)
        np.multiply(coarse - self._sharpen, scale / 255, out=self._found[..., 3])
        solved = solve(samples, self._eps)
        solved[3] -= self._sharpen
        solved *= scale / 255
        self._found.reshape(-1, 4)[np.flatnonzero(edges.view(np.bool_))] = solved.T
        return np.asarray(cv2.blur(self._found, window, borderType=cv2.BORDER_REPLICATE), np.float32)

    def _apply(
        self, coefficients: Floats, rate: Floats, image: Image, alpha: Alpha, runs: list[tuple[slice, slice]]
    ) -> None:
        """Add to alpha, in place in some rectangles, what the coefficients make of the picture."""
        largest = max((rows.stop - rows.start) * (columns.stop - columns.start) for rows, columns in runs)
        self._strip = _roomy(self._strip, 10 * largest)
        scale_y, scale_x = (small / full for small, full in zip(coefficients.shape, alpha.shape, strict=False))
        place = np.array([[scale_x, 0, 0], [0, scale_y, 0]])
        for run in runs:
            picture = np.asarray(cv2.cvtColor(image[run], cv2.COLOR_RGB2RGBA))  # the fourth is 255 everywhere
            height, width = picture.shape[:2]
            pixels = height * width
            here, colours = self._strip[: 8 * pixels].reshape(2, height, width, 4)
            total, share = self._strip[8 * pixels : 10 * pixels].reshape(2, height, width)
            place[0, 2], place[1, 2] = (run[1].start + 0.5) * scale_x - 0.5, (run[0].start + 0.5) * scale_y - 0.5
            cv2.warpAffine(coefficients, place, (width, height), here, _UPWARDS, cv2.BORDER_REPLICATE)
            cv2.multiply(here, picture, dst=colours, dtype=cv2.CV_32F)
            np.dot(colours.reshape(-1, 4), _ONES, out=total.reshape(-1))
            # What the edge adds to the coarse matte follows small changes slowly: those are the noise of the picture.
            # By a share of (change / calm)², at most 1.
            base, last = alpha[run], self._last[run]
            total -= last
            cv2.resize(rate[_shrunk(run, scale_y, scale_x)], (width, height), share, interpolation=cv2.INTER_NEAREST)
            share *= total
            share *= total
            cv2.threshold(share, 1, 1, cv2.THRESH_TRUNC, dst=share)
            total *= share
            last += total
            np.add(base, last, out=total)
            cv2.threshold(total, 1, 1, cv2.THRESH_TRUNC, dst=total)
            np.maximum(total, 0, out=base)


_NOTHING = np.float32(-9)  # as a last alpha: far from all
_ONES = np.ones(4, np.float32)
_UPWARDS = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
_PRODUCTS = ((0, 3), (1, 3), (2, 3), (0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


def grid_shape(matte: tuple[int, ...], frame: tuple[int, ...], grid: int) -> tuple[int, int]:
    """Rows and columns that coefficients are found on: the matte's, at most ``grid`` and the frame's."""
    scale = min(grid / max(matte), 1)
    rows, columns = (max(1, min(round(small * scale), full)) for small, full in zip(matte, frame[:2], strict=True))
    return rows, columns


def solve(means: Floats, eps: np.float32) -> Floats:
    """The linear model of each window.

    Args:
        means: (13, n): the windows' means of R, G, B, alpha; R, G, B times alpha; R², G², B²; RG, RB, GB.
        eps: Added to the variances.

    Returns:
        (4, n): the three factors and the constant.

    Source: He, Sun and Tang, PAMI 2013, equations 14 and 15; the symmetric 3x3 matrix is inverted by its cofactors.
    """
    red, green, blue, alpha = means[:4]
    r, g, b = (means[4 + i] - means[i] * alpha for i in range(3))
    rr, gg, bb = (means[7 + i] - means[i] * means[i] + eps for i in range(3))
    rg, rb, gb = means[10] - red * green, means[11] - red * blue, means[12] - green * blue
    c_rr, c_rg, c_rb = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    c_gg, c_gb, c_bb = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
    scale = 1 / (rr * c_rr + rg * c_rg + rb * c_rb)
    found = np.empty((4, means.shape[1]), np.float32)
    found[0] = (c_rr * r + c_rg * g + c_rb * b) * scale
    found[1] = (c_rg * r + c_gg * g + c_gb * b) * scale
    found[2] = (c_rb * r + c_gb * g + c_bb * b) * scale
    found[3] = alpha - found[0] * red - found[1] * green - found[2] * blue
    return found


def _roomy(buffer: Floats, size: int) -> Floats:
    """A flat buffer of at least this size, the same one where it is."""
    return buffer if buffer.size >= size else np.empty(size, np.float32)


def around(edges: NDArray[np.uint8], reach: int) -> tuple[slice, slice]:
    """The smallest box around what is not 0, and so far to each side."""
    x, y, width, height = cv2.boundingRect(edges)
    return slice(max(0, y - reach), y + height + reach), slice(max(0, x - reach), x + width + reach)


def _square(reach: int) -> NDArray[np.uint8]:
    """A window that reaches so far to each side."""
    return np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)


def _shrunk(run: tuple[slice, slice], scale_y: float, scale_x: float) -> tuple[slice, slice]:
    """A rectangle of the full picture on the coarse grid, to the pixel."""
    rows, columns = (
        slice(int(each.start * scale), max(int(each.start * scale) + 1, int(each.stop * scale)))
        for each, scale in zip(run, (scale_y, scale_x), strict=True)
    )
    return rows, columns


def _runs(band: NDArray[np.bool_], shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Where the band lies in the full picture, strip by strip."""
    (height, width), (full_height, full_width) = band.shape, shape
    taken = np.zeros((-(-height // _ROWS), width + 2), np.bool_)
    np.logical_or.reduceat(band, np.arange(0, height, _ROWS), axis=0, out=taken[:, 1:-1])
    strips, turns = np.nonzero(taken[:, 1:] != taken[:, :-1])
    across, down = (
        -(-np.arange(small + _ROWS) * full // small) for small, full in ((width, full_width), (height, full_height))
    )
    down = np.minimum(down, full_height)
    starts, stops = across[turns[::2]].tolist(), across[turns[1::2]].tolist()
    for strip, start, stop in zip(strips[::2].tolist(), starts, stops, strict=True):
        yield slice(int(down[strip * _ROWS]), int(down[(strip + 1) * _ROWS])), slice(start, stop)
