"""Where a matte shows the subject, where it is neither subject nor room, and where nothing is to be done.

Why: most of a picture is one or the other. Composing it is copying; only along the outline, a tenth of the picture with
what surrounds it, is there anything to compute.

The picture is looked at in strips of rows, and in them by columns: the largest and the least alpha of each column of a
strip say what it is. Columns are taken together by eights, so that no matte, however torn, makes many small pieces.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from livebg.frame import Alpha

Part = tuple[slice, slice]
"""Rows and columns of a rectangle of the picture."""

NEAR = np.float32(1e-5)
"""What is so near to 0 or 1 is taken for it: it moves no value by more than 0.003 of a step of 255."""

_ROWS = 16  # of a strip
_TOGETHER = 8  # strips looked at twice before the next: they stay in the cache
_COLUMNS = 8  # taken together
_CHUNK = 1 << 14  # columns of a strip whose pixels are given at a time: bounds memory where all of an 8K matte is soft


class Regions:
    """The parts of one matte after another. Keeps its buffers.

    Attributes:
        shown: Rectangles that cover every pixel where alpha is not 0.
        mixed: Rectangles within them that cover every pixel where it is not 1 either. None overlap.
    """

    def __init__(self) -> None:
        self.shown: list[Part] = []
        self.mixed: list[Part] = []
        self._high = self._low = np.empty((0, 0), np.float32)
        self._shape: tuple[int, ...] = ()

    def divide(self, alpha: Alpha) -> None:
        """Take a matte.

        Args:
            alpha: float32 (H, W) in [0, 1].
        """
        if alpha.shape != self._shape:
            self._allocate(alpha.shape)
        height, width = alpha.shape
        whole = height // _ROWS
        strips = alpha[: whole * _ROWS].reshape(whole, _ROWS, width)
        for first in range(0, whole, _TOGETHER):
            some = slice(first, min(first + _TOGETHER, whole))
            np.maximum.reduce(strips[some], axis=1, out=self._high[some])
            np.minimum.reduce(strips[some], axis=1, out=self._low[some])
        if whole < len(self._high):
            np.maximum.reduce(alpha[whole * _ROWS :], axis=0, out=self._high[whole])
            np.minimum.reduce(alpha[whole * _ROWS :], axis=0, out=self._low[whole])
        np.greater(self._high, NEAR, out=self._shown)
        np.less(self._low, 1 - NEAR, out=self._open)
        shown, open_ = self._cells != 0
        self.shown = list(self._rectangles(shown))
        self.mixed = list(self._rectangles(shown & open_))

    def pixels(self) -> Iterator[NDArray[np.intp]]:
        """Indices into the flat picture of pixels that are not 0 or 1, and of some others; some come twice."""
        height, width = self._shape
        column = np.flatnonzero(self._shown & self._open)
        column += (column // width) * ((_ROWS - 1) * width)  # now each one's uppermost pixel
        below = np.arange(_ROWS) * width
        for first in range(0, len(column), _CHUNK):
            found = column[first : first + _CHUNK, None] + below
            yield np.minimum(found, height * width - 1, out=found).reshape(-1)

    def _allocate(self, shape: tuple[int, ...]) -> None:
        height, width = shape
        strips, cells = -(-height // _ROWS), -(-width // _COLUMNS)
        self._high, self._low = np.empty((strips, width), np.float32), np.empty((strips, width), np.float32)
        columns = np.zeros((2, strips, cells * _COLUMNS), np.bool_)
        self._shown, self._open = columns[0, :, :width], columns[1, :, :width]  # holds some of the subject, of the room
        self._cells = columns.view(np.uint64)
        self._shape = shape

    def _rectangles(self, cells: NDArray[np.bool_]) -> Iterator[Part]:
        """Runs of cells, strip by strip."""
        height, width = self._shape
        strips, count = cells.shape
        taken = np.zeros((strips, count + 2), np.bool_)
        taken[:, 1:-1] = cells
        strip, turn = np.nonzero(taken[:, 1:] != taken[:, :-1])
        tops, turns = (strip[::2] * _ROWS).tolist(), (turn * _COLUMNS).tolist()
        for top, begin, end in zip(tops, turns[::2], turns[1::2], strict=True):
            yield slice(top, min(top + _ROWS, height)), slice(begin, min(end, width))
