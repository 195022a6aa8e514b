"""Buffers that are used again."""

from __future__ import annotations

from math import prod
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

_Kind = TypeVar("_Kind", np.uint8, np.float32)


class Kept(Generic[_Kind]):
    """Room for arrays of one type, of which one is in use at a time. It grows and never shrinks.

    Why: memory that is given back and taken again comes from the system page by page, which costs as much as what is
    then done with it.
    """

    def __init__(self, kind: type[_Kind]) -> None:
        self._flat: NDArray[_Kind] = np.empty(0, kind)

    def shaped(self, *shape: int) -> NDArray[_Kind]:
        """An array of this shape, contiguous, of whatever content; what was given before is no longer valid."""
        size = prod(shape)
        if self._flat.size < size:
            self._flat = np.empty(size, self._flat.dtype)
        return self._flat[:size].reshape(shape)
