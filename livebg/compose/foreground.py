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
as it is obeys the equation above with its own alpha; the mean of several does not, and brings the room into F̂. They are
laid through every other of its cells: what the weights keep of one pixel alone is noise (over the people of ``livebg
bench foreground`` the error in the band is 8.4 and 16.1 steps of 255 at every other cell, 8.8 and 16.1 at each).

Why the weights ``alpha^8``: a pixel at alpha 0.5 then enters with 1/256, and one at 0.9 with 0.43, so that F̂ holds
little of the room, while a matte that is uncertain everywhere still gives a picture.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from livebg.compose.kept import Kept
from livebg.compose.regions import Gathered, Regions, grid_step, strip_rows

if TYPE_CHECKING:
    from livebg.frame import Alpha, Image

FAINT = 0.05  # a mean weight below which the coarser level has its say
STIFFNESS = 0.1  # lambda
LEAST = 1 / 255  # alpha so near 0 or 1 that no colour shows: not in the band
GRAY = 127.5  # what stands for a colour where nothing has any weight

_Plane = NDArray[np.float32]
_FOURTH = np.array([[0, 0, 0, 1]] * 4, np.float32)  # the weight in place of each channel


class Foreground:
    """Estimates the subject's colours. Keeps its buffers; a result depends on its own picture and matte alone."""

    def __init__(self) -> None:
        self._shape: tuple[int, ...] = ()
        self._regions = Regions()
        self._result = np.empty((0, 0, 3), np.uint8)
        self._mixed, self._colour = Kept(np.uint8), Kept(np.uint8)
        self._shares, self._room, self._gain, self._gains = (Kept(np.float32) for _ in range(4))
        self._table, self._found = Kept(np.float32), Kept(np.float32)

    def estimate(self, image: Image, alpha: Alpha, regions: Regions | None = None) -> Image:
        """The picture with the subject's colour in place of the mixture.

        Args:
            image: RGB, (H, W, 3) uint8, contiguous.
            alpha: Of the same size, float32 in [0, 1].
            regions: Alpha's, where the caller has divided it already.

        Returns:
            (H, W, 3) uint8, valid until the next call and not to be written to. Where alpha is less than 1/255 away
            from 0 or 1 it is the picture, to the bit.
        """
        if self._result.shape != image.shape:
            self._result = np.empty_like(image)
        np.copyto(self._result, image)
        alpha = np.ascontiguousarray(alpha)
        if regions is None:
            regions = self._regions
            regions.divide(alpha)
        self.look(image, alpha)
        for pieces in regions.mixed():
            share, mixed = pieces.take(alpha, self._shares), pieces.take(image, self._mixed)
            self.correct(pieces, mixed, share, thrice(1 - share, self._room))
            pieces.put(self._result, mixed)
        return self._result

    def look(self, image: Image, alpha: Alpha) -> None:
        """Take a frame: lay F̂ and B̂ through it.

        Args:
            image: RGB, (H, W, 3) uint8, contiguous.
            alpha: Of the same size, float32 in [0, 1].
        """
        if image.shape != self._shape:
            self._allocate(image.shape)
        step = self._step
        for channel in range(3):  # one by one: numpy is slow along an axis of three
            np.copyto(self._cells[..., channel], image[::step, ::step, channel])
        np.copyto(self._share, alpha[::step, ::step])
        np.copyto(self._subject, self._filled.colours(self._cells, self._share))
        np.subtract(1, self._share, out=self._share)
        np.subtract(self._subject, self._filled.colours(self._cells, self._share), out=self._away)

    def correct(self, pieces: Gathered, mixed: Image, alpha: Alpha, room: _Plane) -> None:
        """Put F in place of I in pieces of the frame, where alpha is further than 1/255 from 0 and from 1.

        Args:
            pieces: Where they are.
            mixed: I, (rows, n, 3) uint8, contiguous; overwritten.
            alpha: Their alpha, (rows, n).
            room: 1 - alpha, (rows, n, 3).
        """
        subject, away = self._between(pieces)
        away *= room
        away -= subject
        cv2.add(away, mixed, dst=away, dtype=cv2.CV_32F)  # I - alpha F̂ - (1 - alpha) B̂
        gain = np.multiply(alpha, alpha, out=self._gain.shaped(*alpha.shape))
        gain -= alpha
        gain *= 2
        gain += 1 + STIFFNESS  # lambda + alpha² + (1 - alpha)²
        np.divide(alpha, gain, out=gain)
        away *= thrice(gain, self._gains)
        colour = self._colour.shaped(*mixed.shape)
        cv2.add(subject, away, dst=colour, dtype=cv2.CV_8U)  # rounds and saturates
        band = (alpha > LEAST) & (alpha < 1 - LEAST)
        cv2.copyTo(colour, band.view(np.uint8), mixed)

    def _between(self, pieces: Gathered) -> tuple[_Plane, _Plane]:
        """F̂ and F̂ - B̂ of every pixel of some pieces, each (rows, n, 3), valid until the next call; bilinear.

        A strip lies between two rows of the grid: what is found first are its first row and the one after its last.
        """
        columns, rows = pieces.column.size, len(self._down)
        table = self._table.shaped(2, columns, 2)
        np.divide(pieces.column, self._cell, out=table[..., 0])
        np.multiply(pieces.strip, rows / self._cell, out=table[0, :, 1])
        np.add(table[0, :, 1], rows / self._cell, out=table[1, :, 1])
        found = self._found.shaped(2, rows, 3 * columns)
        for colours, plane in zip((self._subject, self._away), found, strict=True):
            # The stubs want a second map. There is none, and OpenCV 5 reads an empty one as places.
            ends = cv2.remap(colours, table, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
            first, after = ends.reshape(2, 1, -1)
            np.multiply(after - first, self._down, out=plane)
            plane += first
        subject, away = found.reshape(2, rows, columns, 3)
        return subject, away

    def _allocate(self, shape: tuple[int, ...]) -> None:
        height, width = shape[:2]
        self._step = step = grid_step(height, width)
        self._cell = 2 * step  # pixels from one colour to the next
        cells = -(-height // step), -(-width // step)
        self._cells = np.ones((*cells, 4), np.float32)
        self._share = np.empty(cells, np.float32)
        self._filled = _Filled(*cells)
        self._subject, self._away = (np.empty_like(self._filled.colour) for _ in range(2))
        rows = strip_rows(height, width)
        self._down = (np.arange(rows, dtype=np.float32) / np.float32(rows))[:, None]
        self._shape = shape


class _Filled:
    """The colours of weighted cells, laid through where there are none."""

    def __init__(self, rows: int, columns: int) -> None:
        sizes = [(rows, columns)]
        while len(sizes) < 2 or min(sizes[-1]) > 2:
            sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
        self._power = np.empty((rows, columns), np.float32)
        self._finest, *self._fields = [np.empty((*size, 4), np.float32) for size in sizes]
        self._weights = [np.empty_like(field) for field in self._fields]
        self.colour = np.empty((*sizes[1], 3), np.float32)

    def colours(self, cells: _Plane, share: _Plane) -> _Plane:
        """The colours of cells with the weight ``share^8``, at every other cell.

        Args:
            cells: (h, w, 4): colours 0..255, and 1.
            share: (h, w) in [0, 1].

        Returns:
            (h/2, w/2, 3), halves rounded up; valid until the next call.
        """
        np.multiply(share, share, out=self._power)
        for _ in range(2):
            np.multiply(self._power, self._power, out=self._power)
        cv2.merge([self._power] * 4, dst=self._finest)
        np.multiply(cells, self._finest, out=self._finest)
        for finer, coarser in pairwise([self._finest, *self._fields]):
            cv2.pyrDown(finer, dst=coarser)
        colour = self._fields[-1]
        total = colour.sum(axis=(0, 1))
        colour[:] = total / total[3] if total[3] > 0 else (GRAY, GRAY, GRAY, 1)
        for (coarser, _), (field, weight) in pairwise(zip(self._fields[::-1], self._weights[::-1], strict=True)):
            cv2.pyrUp(coarser, dst=weight, dstsize=field.shape[1::-1])
            cv2.scaleAdd(weight, FAINT, field, dst=field)
            cv2.transform(field, _FOURTH, dst=weight)
            np.divide(field, weight, out=field)
        cv2.cvtColor(self._fields[0], cv2.COLOR_RGBA2RGB, dst=self.colour)
        return self.colour


def thrice(values: Alpha, kept: Kept[np.float32]) -> _Plane:
    """(h, w) as (h, w, 3)."""
    found = kept.shaped(*values.shape, 3)
    cv2.merge([values] * 3, dst=found)
    return found
