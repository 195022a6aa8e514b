"""A sink that keeps nothing: what remains of the time is reading, segmenting and composing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from livebg.errors import SinkError
from livebg.stages import Closing

if TYPE_CHECKING:
    from livebg.frame import Frame


class NullSink(Closing):
    """Counts frames.

    Attributes:
        frames: How many were written.
    """

    notes: Sequence[str] = ()

    def __init__(self) -> None:
        self.frames = 0
        self._over = False

    def write(self, frame: Frame) -> None:
        """Count one frame."""
        if self._over:
            raise SinkError(f"frame {frame.index} came after the sink was finished or closed")
        self.frames += 1

    def finish(self) -> None:
        """Nothing is held back."""
        self._over = True

    def close(self) -> None:
        """Nothing is held."""
        self._over = True
