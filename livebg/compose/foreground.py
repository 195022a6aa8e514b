"""The subject's own colour where the matte is neither 0 nor 1.

A pixel of such a band is ``I = alpha F + (1 - alpha) B``: part subject, part the room it was filmed in. Blended as it
is onto another background, the old room stays as a halo. What is wanted is F.

How: two smooth pictures are laid through the band, F̂ from pixels that are surely subject and B̂ from pixels that are
surely room. F then is what explains the pixel with the least change of both,

    minimise |I - alpha F - (1 - alpha) B|² + lambda (|F - F̂|² + |B - B̂|²)
    F = F̂ + alpha / (lambda + alpha² + (1 - alpha)²) * (I - alpha F̂ - (1 - alpha) B̂).

Source: the split into smooth colours and a residual added back pixel by pixel is that of blur-fusion (Forte,
«Approximate Fast Foreground Colour Estimation», ICIP 2021, eq. 4-6: there the factor is alpha alone); the regularised
colours are those of multi-level estimation (Germer, Uelwer, Conrad & Harmeling, «Fast Multi-Level Foreground
Estimation», ICPR 2020). F̂ and B̂ are normalised convolutions over an image pyramid, each level filled from the next
coarser one where its own weights run out (Gortler, Grzeszczuk, Szeliski & Cohen, «The Lumigraph», SIGGRAPH 1996).

Why F̂ and B̂ from a grid of single pixels, at most 160 long: they hold nothing finer than the band is wide. A pixel taken
as it is obeys the equation above with its own alpha; the mean of several does not, and brings the room into F̂.

Why the weights ``alpha^8``: a pixel at alpha 0.5 then enters with 1/256, and one at 0.9 with 0.43, so that F̂ holds
little of the room, while a matte that is uncertain everywhere still gives a picture.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from livebg.compose.regions import Regions

if TYPE_CHECKING:
    from livebg.frame import Alpha, Image

LONGEST = 160  # cells of the grid
FAINT = 0.05  # a mean weight below which the coarser level has its say
STIFFNESS = 0.1  # lambda
LEAST = 1 / 255  # alpha so near 0 or 1 that no colour shows: not in the band
GRAY = 127.5  # what stands for a colour where nothing has any weight

_Plane = NDArray[np.float32]
_COLUMNS = 256  # of the table handed to remap, whose sides must stay under 32767
_FOURTH = np.array([[0, 0, 0, 1]] * 4, np.float32)  # the weight in place of each channel


class Foreground:
    """Estimates the subject's colours. Keeps its buffers; a result depends on its own picture and matte alone."""

    def __init__(self) -> None:
        self._shape: tuple[int, ...] = ()
        self._result = np.empty((0, 0, 3), np.uint8)
        self._regions = Regions()

    def estimate(self, image: Image, alpha: Alpha) -> Image:
        """The picture with the subject's colour in place of the mixture.

        Args:
            image: RGB, (H, W, 3) uint8, contiguous.
            alpha: Of the same size, float32 in [0, 1].

        Returns:
            (H, W, 3) uint8, valid until the next call and not to be written to. Where alpha is less than 1/255 away
            from 0 or 1 it is the picture, to the bit.
        """
        if self._result.shape != image.shape:
            self._result = np.empty_like(image)
        np.copyto(self._result, image)
        alpha = np.ascontiguousarray(alpha)
        self._regions.divide(alpha)
        self.correct(self._result, image, alpha, self._regions)
        return self._result

    def correct(self, picture: Image, image: Image, alpha: Alpha, regions: Regions) -> None:
        """Put the subject's colour into a picture, in place, where ``alpha`` is further than 1/255 from 0 and from 1.

        Args:
            picture: RGB, (H, W, 3) uint8, contiguous.
            image: The frame, of the same kind and size; another array.
            alpha: Of the same size, float32 in [0, 1], contiguous.
            regions: That of ``alpha``.
        """
        if image.shape != self._shape:
            self._allocate(image.shape)
        step = self._step
        for channel in range(3):  # one by one: numpy is slow along an axis of three
            np.copyto(self._cells[..., channel], image[::step, ::step, channel])
        np.copyto(self._share, alpha[::step, ::step])
        self._subject.fill(self._cells, self._share)
        np.subtract(1, self._share, out=self._share)
        self._room.fill(self._cells, self._share)
        width = image.shape[1]
        mixtures, colours = (each.view("V3").reshape(-1) for each in (image, picture))
        for where in regions.pixels():
            share = np.take(alpha, where)
            band = np.flatnonzero((share > LEAST) & (share < 1 - LEAST))
            if not band.size:
                continue
            where, share = np.take(where, band), np.take(share, band)
            rows = where // width
            table = np.zeros((-(-where.size // _COLUMNS), _COLUMNS, 2), np.float32)
            places = table.reshape(-1, 2)[: where.size]
            places[:, 0] = where - rows * width
            places[:, 1] = rows
            table /= step
            subject, room = self._subject.at(table, where.size), self._room.at(table, where.size)
            mixed = np.take(mixtures, where).view(np.uint8).reshape(-1, 3)
            np.put(colours, where, unmix(mixed, share, subject, room).view("V3")[:, 0])

    def _allocate(self, shape: tuple[int, ...]) -> None:
        height, width = shape[:2]
        self._step = grid_step(height, width)
        grid = -(-height // self._step), -(-width // self._step)
        self._cells = np.ones((*grid, 4), np.float32)
        self._share = np.empty(grid, np.float32)
        self._subject, self._room = _Filled(*grid), _Filled(*grid)
        self._shape = shape


def grid_step(height: int, width: int) -> int:
    """Pixels from one cell of the grid to the next; the first is the picture's first."""
    return -(-max(height, width) // LONGEST)


def unmix(mixed: Image, alpha: Alpha, subject: _Plane, room: _Plane) -> Image:
    """F of single pixels, by the module's equation.

    Args:
        mixed: I, (N, 3) uint8.
        alpha: (N,).
        subject: F̂, (N, 3), 0..255.
        room: B̂, (N, 3), 0..255.

    Returns:
        (N, 3) uint8.
    """
    gain: Alpha = np.divide(alpha, STIFFNESS + alpha * alpha + (1 - alpha) * (1 - alpha), dtype=np.float32)
    rest = subject - room
    rest *= _thrice(alpha)
    rest += room
    np.subtract(mixed, rest, out=rest)
    rest *= _thrice(gain)
    colour = np.empty(rest.shape, np.uint8)
    cv2.add(subject, rest, dst=colour, dtype=cv2.CV_8U)  # rounds and saturates
    return colour


class _Filled:
    """The colours of weighted cells, laid through where there are none."""

    def __init__(self, rows: int, columns: int) -> None:
        self._power = np.empty((rows, columns), np.float32)
        self._colour = np.empty((rows, columns, 3), np.float32)
        sizes = [(rows, columns)]
        while min(sizes[-1]) > 2:
            sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
        self._levels = [(np.empty((*size, 4), np.float32), np.empty((*size, 4), np.float32)) for size in sizes]

    def fill(self, cells: _Plane, share: _Plane) -> None:
        """Take the colours of cells with the weight ``share^8``.

        Args:
            cells: (h, w, 4): colours 0..255, and 1.
            share: (h, w) in [0, 1].
        """
        np.multiply(share, share, out=self._power)
        for _ in range(2):
            np.multiply(self._power, self._power, out=self._power)
        field = self._levels[0][0]
        np.multiply(cells, self._power[..., None], out=field)
        for (finer, _), (coarser, _) in pairwise(self._levels):
            cv2.pyrDown(finer, dst=coarser)
        colour = self._levels[-1][0]
        total = colour.sum(axis=(0, 1))
        colour[:] = total / total[3] if total[3] > 0 else (GRAY, GRAY, GRAY, 1)
        for (coarser, _), (field, weight) in pairwise(reversed(self._levels)):
            cv2.pyrUp(coarser, dst=weight, dstsize=field.shape[1::-1])
            cv2.scaleAdd(weight, FAINT, field, dst=field)
            cv2.transform(field, _FOURTH, dst=weight)
            np.divide(field, weight, out=field)
        cv2.cvtColor(self._levels[0][0], cv2.COLOR_RGBA2RGB, dst=self._colour)

    def at(self, table: _Plane, count: int) -> _Plane:
        """The first ``count`` colours at a table (r, c, 2) of places in cells, (count, 3), 0..255; bilinear."""
        # The stubs want a second map. There is none, and OpenCV 5 reads an empty one as places.
        found = cv2.remap(self._colour, table, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
        return np.asarray(found, np.float32).reshape(-1, 3)[:count]


def _thrice(values: Alpha) -> _Plane:
    """(N,) as (N, 3)."""
    return np.asarray(cv2.merge([values] * 3), np.float32).reshape(-1, 3)
