"""Room that is used again: of the shape asked for, the same memory while it is large enough."""

from __future__ import annotations

import numpy as np

from livebg.compose.kept import Kept


def test_it_has_the_shape_asked_for_and_stays_where_it_is_while_it_is_large_enough():
    kept = Kept(np.float32)
    large = kept.shaped(4, 5, 3)
    small = kept.shaped(2, 7)
    assert (large.shape, small.shape, small.dtype) == ((4, 5, 3), (2, 7), np.float32)
    assert small.flags.c_contiguous
    assert np.shares_memory(large, small)
    larger = kept.shaped(61)
    assert not np.shares_memory(large, larger)
    assert np.shares_memory(larger, kept.shaped(4, 5, 3))


def test_nothing_is_an_array_too():
    assert Kept(np.uint8).shaped(16, 0, 3).shape == (16, 0, 3)
