"""What every source promises (``stages.Source``), as checks that run over each implementation and the fake."""

from __future__ import annotations

import itertools
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from livebg.stages import Source

    Make = Callable[[], Source]


def frames_are_in_order(make: Make, count: int) -> None:
    with make() as source:
        frames = list(source)
        assert [frame.index for frame in frames] == list(range(count))
        assert all(earlier.pts < later.pts for earlier, later in itertools.pairwise(frames))
        assert frames[0].pts >= 0
        for frame in frames:
            assert frame.image.dtype == np.uint8
            assert frame.image.flags.c_contiguous
            assert frame.image.shape[2] == 3
            if not source.info.stills:
                assert (frame.width, frame.height) == (source.info.width, source.info.height)
        assert all(isinstance(note, str) and "\n" not in note for note in source.notes)


def info_is_known_before_the_first_frame(make: Make) -> None:
    with make() as source:
        assert source.info.width > 0
        assert source.info.height > 0
        assert source.info.name
        assert source.info.time_base > 0


def frames_are_independent(make: Make) -> None:
    """A frame that is kept does not change while later ones are read."""
    with make() as source:
        frames = iter(source)
        first = next(frames)
        copy = first.image.copy()
        for _ in frames:
            pass
        assert np.array_equal(first.image, copy)


def closes_twice(make: Make) -> None:
    source = make()
    source.close()
    source.close()


def closes_before_the_end(make: Make) -> None:
    with closing(make()) as source:
        frames = iter(source)
        next(frames)
    with pytest.raises(ValueError, match="closed"):
        next(frames)


def refuses_to_be_read_after_close(make: Make) -> None:
    source = make()
    source.close()
    with pytest.raises(ValueError, match="closed"):
        next(iter(source))


def is_read_once(make: Make) -> None:
    with make() as source:
        list(source)
        with pytest.raises(ValueError, match="read already"):
            next(iter(source))


ALL = [
    info_is_known_before_the_first_frame,
    frames_are_independent,
    closes_twice,
    closes_before_the_end,
    refuses_to_be_read_after_close,
    is_read_once,
]
