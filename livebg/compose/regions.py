"""Where a matte shows the subject, where it is neither subject nor room, and where nothing is to be done.

Why: most of a picture is one or the other. Composing it is copying; only along the outline, a tenth of the picture with
what surrounds it, is there anything to compute.

The picture is looked at once, in strips of rows, and in them by columns: the sum of alpha over a column of a strip says
whether all of it is 0, or 1. Columns are taken together by eights, so that no matte, however torn, makes many small
pieces.

Why what is mixed is gathered: its cells lie side by side in one array, so that a step of arithmetic is one call for
many of them, on what the cache holds, and not one for each of a hundred rectangles.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from livebg.compose.kept import Kept
from livebg.frame import Alpha

Part = tuple[slice, slice]
"""Rows and columns of a rectangle of the picture."""

NEAR = np.float32(1e-5)
"""What is so near to 0 or 1 is taken for it: it moves no value by more than 0.003 of a step of 255."""

LONGEST = 160
"""Cells of the grid that smooth pictures are laid on, along the longer side."""

_ROWS = 10  # of a strip, at least, where cells of the grid are larger
_COLUMNS = 8  # taken together
_AREA = 1 << 15  # pixels gathered at a time: they stay in the cache, and bound memory where all of an 8K matte is soft

_Kind = TypeVar("_Kind", np.uint8, np.float32)


class Regions:
    """The parts of one matte after another. Keeps its buffers.

    Attributes:
        whole: Rectangles where alpha is 1. None overlap.
    """

    def __init__(self) -> None:
        self.whole: list[Part] = []
        self._sums = self._full = np.empty((0, 0), np.float32)
        self._mixed = np.empty((0, 0), np.bool_)
        self._shape: tuple[int, ...] = ()

    def divide(self, alpha: Alpha) -> None:
        """Take a matte.

        Args:
            alpha: float32 (H, W) in [0, 1], contiguous.
        """
        if alpha.shape != self._shape:
            self._allocate(alpha.shape)
        rows = self._rows
        for strip, total in enumerate(self._sums):
            cv2.reduce(alpha[strip * rows : (strip + 1) * rows], 0, cv2.REDUCE_SUM, dst=total[None])
        np.greater(self._sums, NEAR, out=self._shown)
        np.logical_not(np.greater_equal(self._sums, self._full, out=self._open), out=self._open)  # so NaN is not whole
        shown, open_ = self._cells != 0
        np.logical_and(shown, open_, out=self._mixed)
        self.whole = list(self._rectangles(shown & ~open_))

    def mixed(self) -> Iterator[Gathered]:
        """All pixels where alpha is neither 0 nor 1, and some others; none comes twice."""
        height, width = self._shape
        unit = gcd(width, _COLUMNS)
        units = width // unit
        strip, place = np.nonzero(np.repeat(self._mixed, _COLUMNS // unit, axis=1)[:, :units])
        uppermost = strip * (self._rows * units) + place
        below = np.arange(self._rows)[:, None] * units
        last = height // self._rows  # the strip that is cut off by the picture's end, if any
        many = max(1, _AREA // (max(self._rows, 2) * unit))  # `remap` takes fewer than 32767 columns
        for first in range(0, len(strip), many):
            some = slice(first, first + many)
            uncut = int(np.searchsorted(strip[some], last))
            yield Gathered(uppermost[some] + below, strip[some], place[some], unit, uncut, height - last * self._rows)

    def _allocate(self, shape: tuple[int, ...]) -> None:
        height, width = shape
        self._rows = strip_rows(height, width)
        strips, cells = -(-height // self._rows), -(-width // _COLUMNS)
        self._sums = np.empty((strips, width), np.float32)
        high = np.diff(np.minimum(np.arange(strips + 1) * self._rows, height))
        self._full = (high - NEAR).astype(np.float32)[:, None]
        columns = np.zeros((2, strips, cells * _COLUMNS), np.bool_)
        self._shown, self._open = columns[0, :, :width], columns[1, :, :width]  # holds some of the subject, of the room
        self._cells = columns.view(np.uint64)
        self._mixed = np.empty((strips, cells), np.bool_)
        self._shape = shape

    def _rectangles(self, cells: NDArray[np.bool_]) -> Iterator[Part]:
        """Runs of cells, strip by strip."""
        height, width = self._shape
        strips, count = cells.shape
        taken = np.zeros((strips, count + 2), np.bool_)
        taken[:, 1:-1] = cells
        strip, turn = np.nonzero(taken[:, 1:] != taken[:, :-1])
        tops, turns = (strip[::2] * self._rows).tolist(), (turn * _COLUMNS).tolist()
        for top, begin, end in zip(tops, turns[::2], turns[1::2], strict=True):
            yield slice(top, min(top + self._rows, height)), slice(begin, min(end, width))


class Gathered:
    """Pieces of a picture, each as high as a strip and some columns wide, side by side.

    Attributes:
        strip: The strip that each column is from, (n,), from 0.
        column: The column of the picture that it is, (n,).
    """

    def __init__(
        self,
        where: NDArray[np.intp],
        strip: NDArray[np.intp],
        place: NDArray[np.intp],
        unit: int,
        uncut: int,
        rest: int,
    ) -> None:
        """Note where the pieces are.

        Args:
            where: The places of each piece's rows in the flat picture, in units, (rows, pieces).
            strip: Of each piece.
            place: Across, in units.
            unit: Columns of a piece.
            uncut: How many pieces lie whole in the picture; they come first.
            rest: How many rows of the others do.
        """
        self._where, self._unit, self._uncut, self._rest = where, unit, uncut, rest
        self.strip = np.repeat(strip, unit)
        self.column = (place[:, None] * unit + np.arange(unit)).reshape(-1)

    def take(self, plane: NDArray[_Kind], kept: Kept[_Kind]) -> NDArray[_Kind]:
        """The pieces of a picture.

        Args:
            plane: (H, W) or (H, W, 3), contiguous.
            kept: Room for them.

        Returns:
            (rows, n) or (rows, n, 3). What lies below the picture is of no meaning.
        """
        flat = plane.reshape(-1, self._unit * (plane.shape[2] if plane.ndim == 3 else 1))
        pieces = kept.shaped(*self._where.shape, flat.shape[1])
        np.take(flat, self._where, axis=0, out=pieces, mode="clip")
        return pieces.reshape(len(self._where), -1, *plane.shape[2:])

    def put(self, plane: NDArray[np.uint8], pieces: NDArray[np.uint8]) -> None:
        """Put pieces where they belong in a picture.

        Args:
            plane: (H, W, 3), contiguous.
            pieces: (rows, n, 3), contiguous.
        """
        size = f"V{self._unit * plane.shape[2]}"
        flat, items = plane.reshape(-1).view(size), pieces.reshape(-1).view(size).reshape(self._where.shape)
        if self._uncut == self._where.shape[1]:
            np.put(flat, self._where, items)
            return
        np.put(flat, self._where[: self._rest], items[: self._rest])
        np.put(flat, self._where[self._rest :, : self._uncut], items[self._rest :, : self._uncut])


def grid_step(height: int, width: int) -> int:
    """Pixels from one cell of the grid to the next; the first is the picture's first."""
    return -(-max(height, width) // LONGEST)


def strip_rows(height: int, width: int) -> int:
    """Rows of a strip: as high as two cells of the grid, or as one where that is high enough; at most the picture's."""
    step = grid_step(height, width)
    return min(step if step > _ROWS else 2 * step, height)
